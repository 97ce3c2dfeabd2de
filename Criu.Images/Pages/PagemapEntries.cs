using Criu.Images.Proto;

namespace Criu.Images;

/// <summary>The meaning of <c>pagemap_entry.flags</c>.</summary>
[Flags]
public enum PagemapFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The pages did not change: they are where the parent's pagemap says.</summary>
    Parent = 1,

    /// <summary>The pages may be delivered later, by the server of lazy pages.</summary>
    Lazy = 2,

    /// <summary>The pages are the next ones of the pages image.</summary>
    Present = 4,
}

/// <summary>One entry of a pagemap, checked, in one form for all versions.</summary>
internal readonly record struct PagemapSpan(ulong Address, ulong Pages, PagemapFlags Flags)
{
    public ulong End => Address + Pages * PagemapChain.PageBytes;
}

/// <summary>Reads the entries of a pagemap in turn and refuses what no memory can look like.</summary>
internal sealed class PagemapEntries(ImageReader reader) : IDisposable
{
    private ulong last;

    public ImageReader Reader => reader;

    public bool TryRead(out PagemapSpan span)
    {
        span = default;
        if (!reader.TryRead(out PagemapEntry? entry))
            return false;
        span = new PagemapSpan(entry.Vaddr, entry.HasNrPages ? entry.NrPages : entry.CompatNrPages, FlagsOf(entry));
        Check(span);
        last = span.End;
        return true;
    }

    public void Dispose() => reader.Dispose();

    // in_parent is older than the flags, and they are older than the writers that left them out.
    private static PagemapFlags FlagsOf(PagemapEntry entry)
    {
        var flags = (PagemapFlags)entry.Flags;
        if (entry.HasInParent && entry.InParent)
            return flags | PagemapFlags.Parent;
        return entry.HasFlags ? flags : PagemapFlags.Present;
    }

    private void Check(PagemapSpan span)
    {
        if (span.Address % PagemapChain.PageBytes != 0)
            throw reader.Refuse($"vaddr 0x{span.Address:x} is not the start of a page");
        if (span.Address < last)
            throw reader.Refuse($"vaddr 0x{span.Address:x} lies before the end of the entry before, 0x{last:x}");
        if (span.Pages > (ulong.MaxValue - span.Address) / PagemapChain.PageBytes)
            throw reader.Refuse($"{span.Pages} pages at 0x{span.Address:x} reach beyond all addresses");
        if ((span.Flags & (PagemapFlags.Parent | PagemapFlags.Lazy | PagemapFlags.Present)) == 0)
            throw reader.Refuse($"flags 0x{(uint)span.Flags:x} do not say where the pages at 0x{span.Address:x} are");
    }
}
