using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>A directory of the file system, held open so that nobody can exchange it under us. Its calls succeed or throw with the path.</summary>
internal sealed class OpenDirectory : IDisposable
{
    // Images hold the memory of processes: for nobody but the owner.
    private const int FileMode = 0x180;                       // 0600

    private bool hasUnnamedFiles;

    private OpenDirectory(SafeFileHandle handle, string location, bool hasUnnamedFiles) => (Handle, Location, this.hasUnnamedFiles) = (handle, location, hasUnnamedFiles);

    public SafeFileHandle Handle { get; }

    public string Location { get; }

    /// <param name="path">Of a directory.</param>
    /// <param name="hasUnnamedFiles">Try O_TMPFILE.</param>
    public static OpenDirectory Open(string path, bool hasUnnamedFiles = true)
    {
        long fd = Kernel.Open(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        return Kernel.Failed(fd) ? throw new ImageStoreException("open the image directory", path, fd) : new OpenDirectory(Kernel.Own(fd), path, hasUnnamedFiles);
    }

    /// <summary>The directory behind a link in this one; null where there is no such name.</summary>
    public OpenDirectory? TryFollow(string link)
    {
        long fd = FileCalls.Open(Handle, link, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        if (fd == -Errno.ENOENT && !FileCalls.IsSymlink(Handle, link))
            return null;
        Demand(fd, "follow the link to the parent images", link);
        SafeFileHandle handle = Kernel.Own(fd);
        // The real path, not a/parent/parent/...: a chain that closes to a circle shows by it.
        return new OpenDirectory(handle, FileCalls.PathOf(handle) ?? PathOf(link), hasUnnamedFiles);
    }

    public string PathOf(string name) => Path.Join(Location, name);

    public void Demand(long result, string operation, string name)
    {
        if (Kernel.Failed(result))
            throw new ImageStoreException(operation, PathOf(name), result);
    }

    public void DemandWritable()
    {
        long result = FileCalls.AccessForWriting(Handle);
        if (Kernel.Failed(result))
            throw new ImageStoreException("create images in the directory", Location, result);
    }

    /// <summary>Opens a file for reading; null where there is none. Nothing but a regular file: opening a FIFO could wait for ever.</summary>
    public SafeFileHandle? TryOpenFile(string name)
    {
        long fd = FileCalls.Open(Handle, name, Fcntl.O_RDONLY | Fcntl.O_NONBLOCK);
        if (fd == -Errno.ENOENT)
            return null;
        Demand(fd, "open", name);
        SafeFileHandle file = Kernel.Own(fd);
        Demand(FileCalls.Stat(file, out Stat stat), "stat", name);
        if (stat.Kind == Stat.S_IFREG)
            return file;
        file.Dispose();
        throw new ImageFormatException(PathOf(name), 0, "is not a regular file");
    }

    /// <summary>A new empty file under its name; one that was there is removed, not overwritten: it may have other names.</summary>
    public SafeFileHandle CreateFile(string name)
    {
        const int flags = Fcntl.O_RDWR | Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_NOFOLLOW;
        long fd = FileCalls.Open(Handle, name, flags, FileMode);
        if (fd == -Errno.EEXIST)
        {
            Remove(name);
            fd = FileCalls.Open(Handle, name, flags, FileMode);
        }
        Demand(fd, "create", name);
        return Kernel.Own(fd);
    }

    /// <summary>A new file without a name, which vanishes with its last descriptor; null where the file system has no such thing.</summary>
    /// <param name="name">The name it will get, for messages.</param>
    public SafeFileHandle? TryCreateUnnamed(string name)
    {
        if (!hasUnnamedFiles)
            return null;
        long fd = FileCalls.Open(Handle, ".", Fcntl.O_RDWR | Fcntl.O_TMPFILE, FileMode);
        // open(2): EISDIR comes from kernels, ENOENT from file systems that do not know the flag.
        if (fd is -Errno.EOPNOTSUPP or -Errno.EISDIR or -Errno.ENOENT or -Errno.EINVAL)
            hasUnnamedFiles = false;
        else
            Demand(fd, "create", name);
        return hasUnnamedFiles ? Kernel.Own(fd) : null;
    }

    /// <summary>Names an unnamed file, in place of an older one.</summary>
    public void Link(SafeFileHandle file, string name)
    {
        long result = FileCalls.Link(file, Handle, name);
        if (result == -Errno.EEXIST)
        {
            Remove(name);
            result = FileCalls.Link(file, Handle, name);
        }
        Demand(result, "link", name);
    }

    public void Rename(string from, string to) => Demand(FileCalls.Rename(Handle, from, to), "rename", to);

    /// <summary>Removes a name; that there is none is as good.</summary>
    public void Remove(string name)
    {
        long result = FileCalls.Unlink(Handle, name);
        if (result != -Errno.ENOENT)
            Demand(result, "remove", name);
    }

    public void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset, string name) => Demand(FileCalls.WriteAll(file, bytes, offset), "write", name);

    /// <summary>Waits until the file is on the disk.</summary>
    public void Sync(SafeFileHandle file, string name) => Demand(Kernel.Call(Nr.fsync, file.Fd()), "sync", name);

    /// <summary>Waits until the names of the directory are on the disk.</summary>
    public void SyncNames() => Demand(Kernel.Call(Nr.fsync, Handle.Fd()), "sync", ".");

    public void Dispose() => Handle.Dispose();
}
