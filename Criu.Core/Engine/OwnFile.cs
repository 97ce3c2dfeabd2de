using Criu.Parasite;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Engine;

/// <summary>Calls by which a process gets a file of the engine, which nobody need find by a path of its own.</summary>
internal static class OwnFile
{
    /// <summary>A description of its own.</summary>
    public static StepResult Open(SyscallBatch batch, SafeFileHandle file, long flags) =>
        batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text($"/proc/{Environment.ProcessId}/fd/{file.Fd()}"), flags);

    /// <summary>The engine's very description. It takes CAP_SYS_PTRACE, and 3 calls.</summary>
    public static StepResult Fetch(SyscallBatch batch, SafeFileHandle file)
    {
        var engine = batch.Call(Nr.pidfd_open, Environment.ProcessId, 0L);
        var fd = batch.Call(Nr.pidfd_getfd, engine, file.Fd(), 0L);
        batch.Call(Nr.close, engine);
        return fd;
    }
}
