namespace Linux.Abi;

/// <summary>linux/fs.h: the PAGEMAP_SCAN ioctl (since 6.7).</summary>
internal static class PagemapScan
{
    public const long Request = 0xc0606610;        // _IOWR('f', 16, struct pm_scan_arg)
    public const ulong WPALLOWED = 1, WRITTEN = 2, FILE = 4, PRESENT = 8, SWAPPED = 16, PFNZERO = 32, HUGE = 64, SOFT_DIRTY = 128, GUARD = 256;
}

/// <summary>struct pm_scan_arg, linux/fs.h.</summary>
internal struct PagemapScanArgs
{
    public ulong Size, Flags, Start, End, WalkEnd, Vector, VectorLength, MaxPages, CategoryInverted, CategoryMask, CategoryAnyOf, ReturnMask;
}

/// <summary>struct page_region, linux/fs.h: a run of pages of one kind, addresses in bytes.</summary>
internal struct PageRegion
{
    public ulong Start, End, Categories;
}

/// <summary>linux/stat.h and the stat structure of x86-64, asm/stat.h.</summary>
internal struct Stat
{
    public ulong Device, Inode, LinkCount;
    public uint Mode, Uid, Gid, Pad;
    public ulong SpecialDevice;
    public long Size, BlockSize, Blocks;
    public long AccessSeconds, AccessNanoseconds, ModifySeconds, ModifyNanoseconds, ChangeSeconds, ChangeNanoseconds;
    public long Reserved0, Reserved1, Reserved2;

    public const uint S_IFMT = 0xf000, S_IFSOCK = 0xc000, S_IFLNK = 0xa000, S_IFREG = 0x8000, S_IFBLK = 0x6000, S_IFDIR = 0x4000, S_IFCHR = 0x2000, S_IFIFO = 0x1000;

    public readonly uint Kind => Mode & S_IFMT;
}

/// <summary>struct epoll_event of x86-64 is packed, linux/eventpoll.h.</summary>
internal static class Epoll
{
    public const int EPOLL_CTL_ADD = 1, EventSize = 12;
}

/// <summary>linux/timerfd.h.</summary>
internal static class TimerFds
{
    public const int TIMER_ABSTIME = 1;
    public const long IOC_SET_TICKS = 0x40085400;       // _IOW('T', 0, __u64)
}

/// <summary>linux/membarrier.h.</summary>
internal static class Membarrier
{
    public const int GET_REGISTRATIONS = 512;
}
