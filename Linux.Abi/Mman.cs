namespace Linux.Abi;

/// <summary>asm-generic/mman-common.h, linux/mman.h; page and address-space sizes of x86-64.</summary>
internal static class Mman
{
    public const int PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4;
    public const int MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_DROPPABLE = 8, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_GROWSDOWN = 0x100, MAP_LOCKED = 0x2000,
        MAP_NORESERVE = 0x4000, MAP_STACK = 0x20000, MAP_HUGETLB = 0x40000, MAP_FIXED_NOREPLACE = 0x100000;
    public const int MADV_DONTNEED = 4, MADV_DONTFORK = 10, MADV_MERGEABLE = 12, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15, MADV_DONTDUMP = 16,
        MADV_WIPEONFORK = 18, MADV_POPULATE_WRITE = 23, MADV_GUARD_INSTALL = 102;
    public const long PageSize = 4096, TaskSize = 0x7ffffffff000;
}

/// <summary>struct iovec, linux/uio.h.</summary>
internal struct IoVector
{
    public long Base, Length;

    public const int Most = 1024;       // UIO_MAXIOV
}
