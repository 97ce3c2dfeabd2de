using Criu.Core;
using Linux.Abi;

namespace Criu.Cli.Commands;

/// <summary>Waits for the restored root, and for nobody else, and ends as it does.</summary>
internal static class RootExit
{
    /// <summary>The root's exit code, or 128 + signal as a shell has it.</summary>
    public static unsafe int Await(int pid)
    {
        int status = 0;
        // WALL: the root may have been made to send its parent no signal, or another than SIGCHLD.
        long waited = Kernel.Call(Nr.wait4, pid, (long)&status, Sched.WALL, 0);
        if (Kernel.Failed(waited))
            throw new CheckpointException($"The tree was restored, but its root, process {pid}, cannot be waited for: {Errno.Name(waited)}");
        int signal = status & 0x7f;
        return signal == 0 ? status >> 8 & 0xff : 128 + signal;
    }
}
