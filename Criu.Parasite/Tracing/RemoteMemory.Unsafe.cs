using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// Memory of another process, copied without stopping or tracing it: process_vm_readv(2). For small things: the kernel gives a process its own copy of every page that is
/// read this way and that it shared with a relative, copy on write.
/// </summary>
public static unsafe class RemoteMemory
{
    /// <summary>Copies bytes out of a process.</summary>
    /// <returns>Bytes copied, which may be fewer where a page cannot be read, or -errno.</returns>
    public static long TryRead(int pid, long address, Span<byte> into)
    {
        fixed (byte* buffer = into)
        {
            var local = new IoVector { Base = (long)buffer, Length = into.Length };
            var remote = new IoVector { Base = address, Length = into.Length };
            return Kernel.Call(Nr.process_vm_readv, pid, (long)(&local), 1, (long)(&remote), 1);
        }
    }

    /// <summary>Copies bytes into a process: pages that are not writable for it are refused (EFAULT).</summary>
    /// <returns>Bytes copied, or -errno.</returns>
    public static long TryWrite(int pid, long address, ReadOnlySpan<byte> from)
    {
        fixed (byte* buffer = from)
        {
            var local = new IoVector { Base = (long)buffer, Length = from.Length };
            var remote = new IoVector { Base = address, Length = from.Length };
            return Kernel.Call(Nr.process_vm_writev, pid, (long)(&local), 1, (long)(&remote), 1);
        }
    }
}
