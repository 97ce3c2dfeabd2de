using Criu.Core;
using Criu.Core.Programs;
using Linux.Abi;

namespace Criu.Cli.Commands;

/// <summary>Waits for the restored root, and for nobody else, and ends as it does.</summary>
internal static class RootExit
{
    /// <summary>The root's exit code, or 128 + signal as a shell has it.</summary>
    public static int Await(int pid)
    {
        try
        {
            return Spawner.Await(pid).ShellStatus;
        }
        catch (CheckpointException exception)
        {
            throw new CheckpointException($"The tree was restored, but its root, process {pid}, cannot be waited for: {Errno.Name(exception.ErrorNumber)}");
        }
    }
}
