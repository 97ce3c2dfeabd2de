namespace Criu.Images;

/// <summary>
/// One reading of one pagemap, which only moves forward: addresses ascend in every pagemap, so what a child asks its parent for ascends, too.
/// </summary>
internal sealed class PagemapCursor : IDisposable
{
    private readonly PagemapLink link;
    private readonly PagemapEntries entries;
    private readonly uint pagesId;
    private PagemapCursor? parent;
    private PagemapSpan rest;                                  // of the entry read last: what was not given out
    private long restOffset, nextOffset;                       // bytes in the pages image: of rest, of the next entry

    public PagemapCursor(PagemapLink link) => (this.link, entries) = (link, link.OpenEntries(out pagesId));

    /// <summary>The next pages; false at the end.</summary>
    public bool TryNext(out PageRun run)
    {
        run = default;
        while (rest.Pages == 0)
            if (!TryReadEntry())
                return false;
        run = Resolve(rest.Pages);
        Skip(run.Pages);
        return true;
    }

    public void Dispose()
    {
        entries.Dispose();
        parent?.Dispose();
    }

    /// <summary>Pages from this address on, at least one and at most so many; null where this pagemap has no page at the address.</summary>
    private PageRun? Find(ulong address, ulong pages)
    {
        while (rest.Pages == 0 || rest.End <= address)
            if (!TryReadEntry())
                return null;
        if (rest.Address > address)
            return null;
        Skip((address - rest.Address) / PagemapChain.PageBytes);
        return Resolve(Math.Min(pages, rest.Pages));
    }

    private PageRun Resolve(ulong pages)
    {
        if ((rest.Flags & PagemapFlags.Present) != 0)
            return new PageRun(rest.Address, pages, PageSource.File, link.Pages(pagesId), restOffset);
        if ((rest.Flags & PagemapFlags.Parent) == 0)
            return new PageRun(rest.Address, pages, PageSource.Lazy, null, 0);
        parent ??= new PagemapCursor(link.Parent(entries.Reader));
        return parent.Find(rest.Address, pages) ?? throw entries.Reader.Refuse($"the page at 0x{rest.Address:x} is not in the parent images");
    }

    private void Skip(ulong pages)
    {
        ulong bytes = pages * PagemapChain.PageBytes;
        rest = rest with { Address = rest.Address + bytes, Pages = rest.Pages - pages };
        restOffset += (long)bytes;
    }

    private bool TryReadEntry()
    {
        if (!entries.TryRead(out rest))
            return false;
        if ((rest.Flags & PagemapFlags.Present) == 0)
            return true;
        _ = link.Pages(pagesId);
        if (rest.Pages > (ulong)(link.PagesLength - nextOffset) / PagemapChain.PageBytes)
            throw entries.Reader.Refuse($"{rest.Pages} pages at 0x{rest.Address:x} are not in the pages image {pagesId}: it has {link.PagesLength} bytes");
        restOffset = nextOffset;
        nextOffset += (long)(rest.Pages * PagemapChain.PageBytes);
        return true;
    }
}
