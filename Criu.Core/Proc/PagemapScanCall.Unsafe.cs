using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>ioctl(PAGEMAP_SCAN), Documentation/admin-guide/mm/pagemap.rst.</summary>
internal static unsafe class PagemapScanCall
{
    /// <summary>Walks a range until its end, or until the vector is full.</summary>
    /// <param name="pagemap">Descriptor of /proc/PID/pagemap.</param>
    /// <param name="range">Whole pages.</param>
    /// <param name="filter">Which pages.</param>
    /// <param name="regions">Takes the regions: pages side by side, as far as they are alike in the categories that are returned.</param>
    /// <param name="walked">Where the walk ended.</param>
    /// <returns>Number of regions, or -errno.</returns>
    public static long Scan(int pagemap, PageRun range, PageFilter filter, Span<PageRegion> regions, out ulong walked)
    {
        fixed (PageRegion* vector = regions)
        {
            var args = new PagemapScanArgs
            {
                Size = (ulong)sizeof(PagemapScanArgs),
                Start = range.Start,
                End = range.End,
                Vector = (ulong)vector,
                VectorLength = (ulong)regions.Length,
                CategoryInverted = filter.Inverted,
                CategoryMask = filter.Mask,
                CategoryAnyOf = filter.AnyOf,
                ReturnMask = filter.Return,
            };
            long result = Kernel.Call(Nr.ioctl, pagemap, PagemapScan.Request, (long)&args);
            walked = args.WalkEnd;
            return result;
        }
    }
}
