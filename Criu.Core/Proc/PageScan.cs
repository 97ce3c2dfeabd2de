using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>Pages side by side, in memory of one kind.</summary>
/// <param name="Start">First address, bytes.</param>
/// <param name="End">Address after the last, bytes.</param>
/// <param name="Kind">Kind of the memory: a lazy restore treats anonymous pages otherwise than copies of a file's.</param>
internal readonly record struct PageRun(ulong Start, ulong End, PageKind Kind)
{
    public ulong Length => End - Start;

    public long Pages => (long)(Length / (ulong)Mman.PageSize);
}

/// <summary>
/// Finds the pages to dump, on an open <c>/proc/PID/pagemap</c>. One PAGEMAP_SCAN call per mapping costs several times what a walk over a row
/// of them does, so mappings of one kind are walked together, the holes between them too. Older kernels have the table itself, one word per
/// page: <see cref="PagemapTable"/>. Neither allocates anything per page.
/// </summary>
internal sealed class PageScan
{
    private const int VectorLength = 2048;          // regions; 48 KiB

    private readonly int pagemap;
    private readonly PageScanSupport support;
    private readonly PagemapTable? table;
    private readonly PageRegion[] regions = [];

    /// <param name="pagemap">Descriptor of /proc/PID/pagemap, kept open by the caller.</param>
    public PageScan(int pagemap)
        : this(pagemap, Probe(pagemap))
    {
    }

    /// <summary>With a choice of means, for comparisons.</summary>
    internal PageScan(int pagemap, PageScanSupport support)
    {
        this.pagemap = pagemap;
        this.support = support;
        if (support == PageScanSupport.None)
            table = new(pagemap);
        else
            regions = GC.AllocateUninitializedArray<PageRegion>(VectorLength, pinned: true);
    }

    /// <summary>Pages looked at: those of the mappings, present or not.</summary>
    public ulong PagesScanned { get; private set; }

    /// <summary>Pages on which any access is a fault (MADV_GUARD_INSTALL), as far as they were met.</summary>
    public List<PageRun> Guards { get; } = [];

    /// <summary>Whether the kernel has PAGEMAP_SCAN (since 6.7).</summary>
    public static bool IsSupported(int pagemap) => Probe(pagemap) != PageScanSupport.None;

    /// <summary>An empty walk, with and without the newest category.</summary>
    internal static PageScanSupport Probe(int pagemap)
    {
        var filter = PageFilter.Of(PageKind.PrivateFile);
        if (!Kernel.Failed(PagemapScanCall.Scan(pagemap, default, filter, [], out _)))
            return PageScanSupport.Full;
        return Kernel.Failed(PagemapScanCall.Scan(pagemap, default, filter.WithoutGuard(), [], out _))
            ? PageScanSupport.None : PageScanSupport.WithoutGuard;
    }

    /// <summary>Searches all private mappings (<see cref="PageFilter.KindOf"/>).</summary>
    /// <param name="vmas">Ascending, read from smaps.</param>
    /// <param name="runs">Runs are added, ascending. One may go on from a mapping into the next one of its kind.</param>
    public void Scan(List<Vma> vmas, List<PageRun> runs)
    {
        for (int first = 0, next; first < vmas.Count; first = next)
        {
            var kind = PageFilter.KindOf(vmas[first]);
            for (next = first + 1; next < vmas.Count && PageFilter.KindOf(vmas[next]) == kind;)
                next++;
            if (kind != PageKind.None)
                Scan(vmas, first, next, kind, runs);
        }
    }

    /// <summary>Searches one range, whose mappings are all of this kind. Parts that are not mapped have no pages.</summary>
    public void Scan(ulong start, ulong end, PageKind kind, List<PageRun> runs)
    {
        PagesScanned += (end - start) / (ulong)Mman.PageSize;
        Walk(new(start, end, kind), runs);
    }

    private void Scan(List<Vma> vmas, int first, int next, PageKind kind, List<PageRun> runs)
    {
        for (int i = first; i < next; i++)
            PagesScanned += vmas[i].Length / (ulong)Mman.PageSize;
        if (table == null && kind != PageKind.Whole)
            Walk(new(vmas[first].Start, vmas[next - 1].End, kind), runs);
        else
            // The table has a word for each page of a hole too, and a hole can be terabytes; what is taken whole must not take holes.
            for (int i = first; i < next; i++)
                Walk(new(vmas[i].Start, vmas[i].End, kind), runs);
    }

    private void Walk(PageRun range, List<PageRun> runs)
    {
        if (range.Kind == PageKind.Whole)
            runs.Append(range);
        else if (table != null)
            table.Walk(range, runs, Guards);
        else
            Walk(range, support == PageScanSupport.Full ? PageFilter.Of(range.Kind).WithGuards() : PageFilter.Of(range.Kind).WithoutGuard(), runs);
    }

    private void Walk(PageRun range, PageFilter filter, List<PageRun> runs)
    {
        for (ulong at = range.Start; at < range.End;)
        {
            long count = PagemapScanCall.Scan(pagemap, range with { Start = at }, filter, regions, out ulong walked);
            if (Kernel.Failed(count))
                throw new ProcAccessException("ioctl(PAGEMAP_SCAN)", $"pagemap at {at:x}-{range.End:x}", count);
            foreach (ref readonly var region in regions.AsSpan(0, (int)count))
                ((region.Categories & PagemapScan.GUARD) != 0 ? Guards : runs).Append(new(region.Start, region.End, range.Kind));
            // With more than 512 regions the kernel can report an end before the last one that it gave: going on there would give it twice.
            ulong reached = count > 0 ? Math.Max(walked, regions[count - 1].End) : walked;
            if (reached <= at)
                throw new ProcAccessException("ioctl(PAGEMAP_SCAN) stands still on", $"pagemap at {at:x}-{range.End:x}", -Errno.EIO);
            at = reached;
        }
    }
}

/// <summary>What the kernel can do.</summary>
internal enum PageScanSupport
{
    None, WithoutGuard, Full,
}

/// <summary>Lists of runs.</summary>
internal static class PageRuns
{
    /// <summary>Adds a run; one of the same kind that starts where the last one ends makes that one longer.</summary>
    public static void Append(this List<PageRun> runs, PageRun run)
    {
        if (runs.Count > 0 && runs[^1].End == run.Start && runs[^1].Kind == run.Kind)
            runs[^1] = runs[^1] with { End = run.End };
        else
            runs.Add(run);
    }
}
