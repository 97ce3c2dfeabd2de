using Criu.Core;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Cli.Commands;

/// <summary>Who is told of the stages: the client of the RPC first, then the action scripts.</summary>
internal sealed class Listeners : ICheckpointListener, IDisposable
{
    private readonly ICheckpointListener? client;
    private readonly ActionScripts? scripts;
    private readonly SafeFileHandle? directory;

    public Listeners(Session session, ICheckpointListener? client)
    {
        this.client = client;
        var common = session.Options.Common;
        if (common.ActionScripts.Count == 0)
            return;
        // Ours, wherever the path leads meanwhile, and whatever the script may see of the way to it.
        directory = WorkPlace.Open(common.ImagesDir, "images directory", Fcntl.O_PATH | Fcntl.O_DIRECTORY);
        scripts = new ActionScripts(common.ActionScripts, $"/proc/{Environment.ProcessId}/fd/{directory.Fd()}", common.WorkDir, session.Log.Descriptor);
    }

    public void Reached(CheckpointStage stage, int? rootPid)
    {
        client?.Reached(stage, rootPid);
        scripts?.Reached(stage, rootPid);
    }

    /// <summary>As with CRIU a client alone is asked: a script could not take a descriptor.</summary>
    public bool TakeMaster(SafeFileHandle master) => client?.TakeMaster(master) == true;

    public void Dispose() => directory?.Dispose();
}
