using Linux.Abi;

namespace Criu.Core.Tests.Proc;

/// <summary>A mapping of the test itself, with neighbours that never merge with it: an inaccessible page on either side.</summary>
internal sealed unsafe class OwnMemory : IDisposable
{
    private const int MADV_GUARD_INSTALL = 102, Fence = 1;

    private readonly long address, reserved;

    public OwnMemory(int pages, int protection = Mman.PROT_READ | Mman.PROT_WRITE, int flags = Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, int fd = -1)
    {
        Pages = pages;
        reserved = (pages + 2L * Fence) * Mman.PageSize;
        long whole = Must(Kernel.Call(Nr.mmap, 0, reserved, 0, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, -1));
        address = Must(Kernel.Call(Nr.mmap, whole + Fence * Mman.PageSize, pages * Mman.PageSize, protection, flags | Mman.MAP_FIXED, fd));
        // Else one touched page may become 512.
        Must(Kernel.Call(Nr.madvise, address, pages * Mman.PageSize, Mman.MADV_NOHUGEPAGE));
    }

    public int Pages { get; }

    public ulong Start => (ulong)address;

    public ulong End => (ulong)At(Pages);

    public ulong this[int page] => (ulong)At(page);

    public void Write(int page) => Volatile.Write(ref *(byte*)At(page), 1);

    public byte Read(int page) => Volatile.Read(ref *(byte*)At(page));

    /// <summary>False where the kernel has no guard pages (before 6.13).</summary>
    public bool TryGuard(int page) => !Kernel.Failed(Kernel.Call(Nr.madvise, At(page), Mman.PageSize, MADV_GUARD_INSTALL));

    public void Unmap(int page, int count) => Must(Kernel.Call(Nr.munmap, At(page), count * Mman.PageSize));

    public void Dispose() => Kernel.Call(Nr.munmap, address - Fence * Mman.PageSize, reserved);

    private long At(int page) => address + page * Mman.PageSize;

    private static long Must(long result)
    {
        Assert.False(Kernel.Failed(result), Errno.Name(result));
        return result;
    }
}
