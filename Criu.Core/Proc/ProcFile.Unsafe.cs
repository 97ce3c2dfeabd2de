using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>The system calls that /proc is read with, over spans. Each answers a value or -errno.</summary>
internal static unsafe class ProcFile
{
    public static long Read(int fd, Span<byte> into)
    {
        fixed (byte* start = into)
            return Kernel.Call(Nr.read, fd, (long)start, into.Length);
    }

    public static long ReadAt(int fd, Span<ulong> into, long offset)
    {
        fixed (ulong* start = into)
            return Kernel.Call(Nr.pread64, fd, (long)start, (long)into.Length * sizeof(ulong), offset);
    }

    /// <param name="directory">A directory fd, or AT_FDCWD.</param>
    /// <param name="nameZ">NUL-terminated.</param>
    /// <param name="into">Takes the target, without a NUL and cut off silently where it is too short.</param>
    public static long ReadLinkAt(int directory, ReadOnlySpan<byte> nameZ, Span<byte> into)
    {
        fixed (byte* name = nameZ, start = into)
            return Kernel.Call(Nr.readlinkat, directory, (long)name, (long)start, into.Length);
    }

    /// <summary>Fills the buffer with struct linux_dirent64, getdents64(2).</summary>
    public static long ReadDirectory(int fd, Span<byte> into)
    {
        fixed (byte* start = into)
            return Kernel.Call(Nr.getdents64, fd, (long)start, into.Length);
    }
}
