using Linux.Abi;

namespace Criu.Core.Tests.Proc;

/// <summary>A file of one page whose name .NET could not write, in a folder of its own.</summary>
internal sealed unsafe class OddlyNamedFile : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;
    private readonly byte[] path;

    /// <param name="name">Latin-1: each char is a byte.</param>
    public OddlyNamedFile(string name) => path = [.. Captured.Bytes($"{folder}/{name}"), 0];

    public long Open()
    {
        long fd = Kernel.OpenAt(Fcntl.AT_FDCWD, path, Fcntl.O_RDWR | Fcntl.O_CREAT, 0x180);
        Assert.False(Kernel.Failed(fd), Errno.Name(fd));
        Assert.Equal(0, Kernel.Call(Nr.ftruncate, fd, Mman.PageSize));
        return fd;
    }

    public void Dispose()
    {
        fixed (byte* name = path)
            Kernel.Call(Nr.unlinkat, Fcntl.AT_FDCWD, (long)name, 0);
        Directory.Delete(folder);
    }
}
