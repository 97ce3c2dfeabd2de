using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>
/// The page that the kernel shows wherever anonymous memory was read and never written. The table does not mark it, so we read a page of our own
/// and see which frame it is.
/// </summary>
internal static unsafe class ZeroPage
{
    private const ulong Frame = (1UL << 55) - 1;

    /// <summary>Page frame number; 0 where it is not shown to us: then zero pages are dumped like others, which is only slower.</summary>
    public static ulong FindFrame()
    {
        // One page is never a huge one, which would be another frame.
        long page = Kernel.Call(Nr.mmap, 0, Mman.PageSize, Mman.PROT_READ, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, -1);
        if (Kernel.Failed(page))
            return 0;
        _ = Volatile.Read(ref *(byte*)page);
        ulong frame = FrameOf(page);
        Kernel.Call(Nr.munmap, page, Mman.PageSize);
        return frame;
    }

    private static ulong FrameOf(long address)
    {
        long fd = Kernel.Open("/proc/self/pagemap", Fcntl.O_RDONLY);
        if (Kernel.Failed(fd))
            return 0;
        using var pagemap = Kernel.Own(fd);
        Span<ulong> word = stackalloc ulong[1];
        return ProcFile.ReadAt((int)fd, word, address / Mman.PageSize * sizeof(ulong)) == sizeof(ulong) ? word[0] & Frame : 0;
    }
}
