using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Programs;
using Criu.Images;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Commands;

/// <summary><c>criu restore</c></summary>
internal static class RestoreCommand
{
    public static int Run(MergedOptions options)
    {
        if (options is { Restore.Sibling: true, Common.Detached: false })
            throw new CheckpointException("--restore-sibling needs --restore-detached: criu cannot wait for a child of its parent", "Add -d");
        if (options.Common is { ExecutesCommand: true, Command.Count: 0 })
            throw new CheckpointException("--exec-cmd names no command", "Write it last, behind --, e.g. criu restore --exec-cmd -- sleep 10");
        using var session = Session.Open(options, DirectoryAccess.Read);
        return session.Run("restore", "Restoring", session =>
        {
            int root = Restore(session, client: null);
            if (options.Common.ExecutesCommand)
                Spawner.Become(options.Common.Command);
            return options.Common.Detached ? 0 : RootExit.Await(root);
        });
    }

    /// <summary>Answers the pid of the root.</summary>
    internal static int Restore(Session session, ICheckpointListener? client)
    {
        using var listeners = new Listeners(session, client);
        var common = session.Options.Common;
        var pidFile = PidFile.Prepare(common.PidFile == null ? null : session.InWorkDir(common.PidFile));
        using var images = ImageDirectory.Open(common.ImagesDir);
        var result = Checkpoint.Restore(images, session.Options.Restore, session.Log, listeners);
        pidFile?.Write(result.RootPid);
        Statistics.Finish(session, result);
        session.Log.Write(LogLevel.Information, null, "Restore finished successfully. Tasks resumed.");
        return result.RootPid;
    }
}
