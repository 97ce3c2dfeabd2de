using Criu.Core;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Cli.Commands;

/// <summary>What must be allowed in a directory, as access(2) has it.</summary>
[Flags]
internal enum DirectoryAccess
{
    Search = 1,
    Write = 2 | Search,
    Read = 4 | Search,
}

/// <summary>Looks at directories and files before anything is done to a process, so that a wrong path costs nothing.</summary>
internal static class WorkPlace
{
    private const int AT_EACCESS = 0x200;          // fcntl.h: judge by the effective ids

    public static unsafe void Require(string path, string what, DirectoryAccess access, string advice)
    {
        long fd = Kernel.Open(path, Fcntl.O_PATH | Fcntl.O_DIRECTORY);
        if (Kernel.Failed(fd))
            throw Unusable(path, what, fd, advice);
        using var directory = Kernel.Own(fd);
        long allowed;
        fixed (byte* here = "."u8)
            allowed = Kernel.Call(Nr.faccessat2, fd, (long)here, (long)access, AT_EACCESS);
        if (Kernel.Failed(allowed))
            throw Unusable(path, what, allowed, advice);
    }

    public static SafeFileHandle CreateLog(string path)
    {
        long fd = Kernel.Open(path, Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_TRUNC | Fcntl.O_APPEND, 0x180);   // rw-------
        if (Kernel.Failed(fd))
            throw new CheckpointException($"The log {path} cannot be written: {Reason(fd)}", "Name another with -o, or another directory with -W");
        return Kernel.Own(fd);
    }

    /// <summary>Opens a file; a regular one or what else has that name, but never a directory.</summary>
    public static SafeFileHandle Open(string path, string what, int flags, int mode = 0)
    {
        long fd = Kernel.Open(path, flags, mode);
        return Kernel.Failed(fd) ? throw new CheckpointException($"The {what} {path} cannot be opened: {Reason(fd)}") : Kernel.Own(fd);
    }

    /// <summary>Whether there is something of that name other than a regular file: a device, a pipe, a link.</summary>
    public static unsafe bool IsSpecial(string path)
    {
        Stat status;
        fixed (byte* name = Kernel.CString(path))
            return !Kernel.Failed(Kernel.Call(Nr.lstat, (long)name, (long)&status)) && status.Kind != Stat.S_IFREG;
    }

    public static string Reason(long errno) => -errno switch
    {
        Errno.ENOENT => "it does not exist",
        Errno.ENOTDIR => "it is not a directory",
        Errno.EACCES or Errno.EPERM => $"it is not permitted ({Errno.Name(errno)})",
        Errno.EROFS => "its file system is read-only",
        Errno.EEXIST => "it exists already",
        Errno.ENOSPC => "no space is left",
        _ => Errno.Name(errno),
    };

    private static CheckpointException Unusable(string path, string what, long errno, string advice) =>
        new($"The {what} {path} cannot be used: {Reason(errno)}", advice);
}
