using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>What kind of memory a mapping is, as far as the search for its pages goes.</summary>
internal enum PageKind
{
    /// <summary>Not searched: shared (dumped through its file), device memory, or the kernel's own.</summary>
    None,

    /// <summary>Private, no file behind it: each page is the task's own, unless it is the zero page.</summary>
    Anonymous,

    /// <summary>Private mapping of a file: the task's own are the pages that it wrote to (copy on write).</summary>
    PrivateFile,

    /// <summary>Every page, whether it is mapped yet or not: the vDSO, whose symbols a restore compares with those of its own kernel.</summary>
    Whole,
}

/// <summary>
/// Which pages PAGEMAP_SCAN reports, in its words: the categories are flipped by <paramref name="Inverted"/>, then all of
/// <paramref name="Mask"/> and one of <paramref name="AnyOf"/> must be set.
/// </summary>
internal readonly record struct PageFilter(ulong Inverted, ulong Mask, ulong AnyOf)
{
    /// <summary>Categories that are told with each region.</summary>
    public ulong Return { get; init; }

    private const ulong Never = PagemapScan.PFNZERO | PagemapScan.GUARD, HasContents = PagemapScan.PRESENT | PagemapScan.SWAPPED;

    /// <summary>
    /// Neither the zero page nor a guard (which reads as swapped). FILE costs a look at each page's struct, 3.4 times the time, so it is asked for
    /// only where pages of the file can be.
    /// </summary>
    public static PageFilter Of(PageKind kind)
    {
        ulong never = kind == PageKind.PrivateFile ? Never | PagemapScan.FILE : Never;
        return new(never, never, HasContents);
    }

    /// <summary>Guards as well, told as such.</summary>
    public PageFilter WithGuards() => WithoutGuard() with { Return = PagemapScan.GUARD };

    /// <summary>For kernels before 6.15, which do not know the category GUARD.</summary>
    public PageFilter WithoutGuard() => this with { Inverted = Inverted & ~PagemapScan.GUARD, Mask = Mask & ~PagemapScan.GUARD };

    /// <summary>The kind of a mapping read from smaps.</summary>
    public static PageKind KindOf(Vma vma)
    {
        // Droppable memory holds the seeds of random numbers: two processes must never go on from one copy of them.
        bool isOutside = vma.IsShared || vma.IsVvar || vma.IsVsyscall || vma.Has(VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Droppable);
        if (isOutside)
            return PageKind.None;
        if (vma.IsVdso)
            return PageKind.Whole;
        return vma.IsFile ? PageKind.PrivateFile : PageKind.Anonymous;
    }
}
