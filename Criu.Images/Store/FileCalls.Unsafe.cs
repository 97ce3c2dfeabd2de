using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>The file calls of this library. Every one answers as the kernel does, a value or -errno; what an error means is for the caller to say.</summary>
internal static unsafe class FileCalls
{
    private const int AT_EACCESS = 0x200, W_OK = 2, X_OK = 1;

    /// <summary>Returns bytes, 0 at the end.</summary>
    public static long Read(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        fixed (byte* at = buffer)
            return Kernel.Call(Nr.pread64, file.Fd(), (long)at, buffer.Length, offset);
    }

    /// <summary>Writes all of <paramref name="bytes"/>. Returns 0.</summary>
    public static long WriteAll(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        while (bytes.Length > 0)
        {
            long put;
            fixed (byte* at = bytes)
                put = Kernel.Call(Nr.pwrite64, file.Fd(), (long)at, bytes.Length, offset);
            if (Kernel.Failed(put))
                return put;
            bytes = bytes[(int)put..];
            offset += put;
        }
        return 0;
    }

    public static long Open(SafeFileHandle directory, string name, int flags, int mode = 0) => Kernel.OpenAt(directory.Fd(), Kernel.CString(name), flags, mode);

    public static long Stat(SafeFileHandle file, out Stat stat)
    {
        fixed (Stat* at = &stat)
            return Kernel.Call(Nr.fstat, file.Fd(), (long)at);
    }

    /// <summary>May the caller (effective ids) create and remove names in the directory?</summary>
    public static long AccessForWriting(SafeFileHandle directory)
    {
        fixed (byte* here = ".\0"u8)
            return Kernel.Call(Nr.faccessat2, directory.Fd(), (long)here, W_OK | X_OK, AT_EACCESS);
    }

    public static long Unlink(SafeFileHandle directory, string name)
    {
        fixed (byte* at = Kernel.CString(name))
            return Kernel.Call(Nr.unlinkat, directory.Fd(), (long)at);
    }

    public static long Rename(SafeFileHandle directory, string from, string to)
    {
        fixed (byte* source = Kernel.CString(from), target = Kernel.CString(to))
            return Kernel.Call(Nr.renameat, directory.Fd(), (long)source, directory.Fd(), (long)target);
    }

    public static long Symlink(string target, SafeFileHandle directory, string name)
    {
        fixed (byte* content = Kernel.CString(target), at = Kernel.CString(name))
            return Kernel.Call(Nr.symlinkat, (long)content, directory.Fd(), (long)at);
    }

    /// <summary>
    /// Gives an unnamed file (O_TMPFILE) a name that must be free. By its descriptor, which older kernels (before 6.10) allow to root only and refuse with
    /// ENOENT; else by its magic link.
    /// </summary>
    public static long Link(SafeFileHandle file, SafeFileHandle directory, string name)
    {
        fixed (byte* empty = "\0"u8, magic = Kernel.CString($"/proc/self/fd/{file.Fd()}"), target = Kernel.CString(name))
        {
            long result = Kernel.Call(Nr.linkat, file.Fd(), (long)empty, directory.Fd(), (long)target, Fcntl.AT_EMPTY_PATH);
            return result == -Errno.ENOENT
                ? Kernel.Call(Nr.linkat, Fcntl.AT_FDCWD, (long)magic, directory.Fd(), (long)target, Fcntl.AT_SYMLINK_FOLLOW)
                : result;
        }
    }

    public static bool IsSymlink(SafeFileHandle directory, string name)
    {
        byte ignored;
        fixed (byte* at = Kernel.CString(name))
            return Kernel.Call(Nr.readlinkat, directory.Fd(), (long)at, (long)&ignored, 1) > 0;
    }

    /// <summary>The path of an open file as the kernel knows it; null where /proc does not tell.</summary>
    public static string? PathOf(SafeFileHandle file)
    {
        Span<byte> path = stackalloc byte[4096];
        fixed (byte* link = Kernel.CString($"/proc/self/fd/{file.Fd()}"), at = path)
        {
            long length = Kernel.Call(Nr.readlinkat, Fcntl.AT_FDCWD, (long)link, (long)at, path.Length);
            return Kernel.Failed(length) ? null : System.Text.Encoding.UTF8.GetString(path[..(int)length]);
        }
    }

    /// <summary>Closes, and says whether data was lost: network file systems write back only now.</summary>
    public static long Close(SafeFileHandle file)
    {
        int fd = file.Fd();
        file.SetHandleAsInvalid();
        return Kernel.CallOnce(Nr.close, fd);
    }
}
