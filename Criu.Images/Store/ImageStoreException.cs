using Linux.Abi;

namespace Criu.Images;

/// <summary>The file system refused something: what, where, why, and what to do about it.</summary>
public sealed class ImageStoreException : Exception
{
    internal ImageStoreException(string operation, string path, long result)
        : base($"{path}: cannot {operation}: {Errno.Name((int)-result)}{(AdviceFor((int)-result) is string advice ? "; " + advice : "")}")
    {
        (Operation, Path, Error, Advice) = (operation, path, Errno.Name((int)-result), AdviceFor((int)-result));
    }

    /// <summary>What was tried, e.g. <c>write</c>.</summary>
    public string Operation { get; }

    /// <summary>The file or directory.</summary>
    public string Path { get; }

    /// <summary>Symbolic error number, e.g. <c>ENOSPC</c>.</summary>
    public string Error { get; }

    /// <summary>What to do about it; null where there is nothing to say.</summary>
    public string? Advice { get; }

    private static string? AdviceFor(int errno) => errno switch
    {
        Errno.ENOSPC => "free space on the file system of the images, or choose a directory on another one",
        Errno.EDQUOT => "the quota of this user is spent: free space, or choose a directory on another file system",
        Errno.EACCES => "give this user the right to read, write and search there, or choose another directory",
        Errno.EROFS => "the file system is mounted read-only: choose another directory",
        Errno.ENOENT => "create it first, or check the path",
        Errno.ENOTDIR => "name a directory, not a file",
        Errno.ELOOP => "a symbolic link there leads in circles",
        Errno.EMFILE or Errno.ENFILE => "raise the limit of open files (ulimit -n)",
        Errno.EIO => "the disk or the network behind the directory failed: see the kernel log",
        _ => null,
    };
}
