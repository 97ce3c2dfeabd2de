using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Criu.Images;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Commands;

/// <summary><c>criu dump</c></summary>
internal static class DumpCommand
{
    public static int Run(MergedOptions options)
    {
        int pid = Check(options);
        using var session = Session.Open(options, DirectoryAccess.Write);
        return session.Run("dump", "Dumping", session => Dump(session, pid, client: null));
    }

    /// <param name="session">Options and log.</param>
    /// <param name="pid">Root of the tree.</param>
    /// <param name="client">Who asked by the RPC and wants to be told of the stages.</param>
    internal static int Dump(Session session, int pid, ICheckpointListener? client)
    {
        using var listeners = new Listeners(session, client);
        using var images = ImageDirectory.Create(session.Options.Common.ImagesDir);
        var result = Checkpoint.Dump(pid, images, session.Options.Dump, session.Log, listeners);
        Statistics.Finish(session, result);
        session.Log.Write(LogLevel.Information, null, "Dumping finished successfully");
        return 0;
    }

    /// <summary>What can be seen without touching anything.</summary>
    private static int Check(MergedOptions options)
    {
        int pid = options.Common.Tree ?? throw new CheckpointException("dump needs the process to dump", "Add -t PID");
        if (options.Dump is { LeaveRunning: true, LeaveStopped: true })
            throw new CheckpointException("--leave-running and --leave-stopped exclude each other", "Give one of them");
        if (pid == Environment.ProcessId)
            throw new CheckpointException($"Process {pid} is this criu itself", "Name another with -t");
        if (Kernel.Call(Nr.kill, pid, 0) == -Errno.ESRCH)
            throw new CheckpointException($"There is no process {pid}", "Name one that runs with -t");
        return pid;
    }
}
