using Criu.Images.Proto;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>One directory of a chain: where its pagemap and its pages image are. Opens its parent when somebody asks.</summary>
internal sealed class PagemapLink : IDisposable
{
    private readonly IImageStore store;
    private readonly ImageKind kind;
    private readonly ulong number;
    private readonly PagemapLink? child;
    private PagemapLink? parent;
    private SafeFileHandle? pages;

    private PagemapLink(IImageStore store, ImageKind kind, ulong number, PagemapLink? child) => (this.store, this.kind, this.number, this.child) = (store, kind, number, child);

    public long PagesLength { get; private set; }

    private int Depth => child is null ? 0 : child.Depth + 1;

    /// <summary>Null where there is no such pagemap.</summary>
    public static PagemapLink? TryOpen(IImageStore store, ImageKind kind, ulong number)
    {
        if (kind is not (ImageKind.Pagemap or ImageKind.ShmemPagemap))
            throw new ArgumentException($"{kind} is no pagemap", nameof(kind));
        using ImageReader? reader = store.TryOpenImage(kind, number);
        if (reader is null)
            return null;
        ReadHead(reader);
        return new PagemapLink(store, kind, number, null);
    }

    /// <summary>The pagemap, from its first entry on.</summary>
    /// <param name="pagesId">Number of the pages image.</param>
    public PagemapEntries OpenEntries(out uint pagesId)
    {
        ImageReader reader = store.OpenImage(kind, number);
        try
        {
            pagesId = ReadHead(reader);
            return new PagemapEntries(reader);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>The pages image; open until the chain is disposed.</summary>
    public SafeFileHandle Pages(uint pagesId)
    {
        if (pages is not null)
            return pages;
        pages = store.TryOpenRaw(ImageKind.Pages, pagesId) ?? throw ImageStoreExtensions.Absent(store, ImageKind.Pages, pagesId);
        PagesLength = ImageStoreExtensions.LengthOf(pages, store.PathOf(ImageCatalog.Of(ImageKind.Pages).FileName(pagesId)));
        return pages;
    }

    /// <summary>The parent, which the entry that <paramref name="reader"/> read last refers to.</summary>
    public PagemapLink Parent(ImageReader reader) => parent ??= OpenParent(reader);

    public void Dispose()
    {
        pages?.Dispose();
        parent?.Dispose();
        if (child is not null)
            store.Dispose();                                   // the newest store belongs to who opened the chain
    }

    private static uint ReadHead(ImageReader reader) =>
        reader.TryRead(out PagemapHead? head) ? head.PagesId : throw reader.Refuse("the pagemap_head is missing");

    private PagemapLink OpenParent(ImageReader reader)
    {
        IImageStore place = store.OpenParent() ?? throw reader.Refuse("pages are said to be in the parent images, but there is no link 'parent'");
        var link = new PagemapLink(place, kind, number, this);
        try
        {
            DemandNoCircle(place.Location, reader);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private void DemandNoCircle(string location, ImageReader reader)
    {
        if (Depth >= ImageLimits.MaxParents)
            throw reader.Refuse($"there are more than {ImageLimits.MaxParents} parents");
        for (PagemapLink? link = this; link is not null; link = link.child)
            if (link.store.Location == location)
                throw reader.Refuse($"the links 'parent' lead in a circle through {location}");
    }
}
