using Criu.Images.Proto;

namespace Criu.Images;

/// <summary>Writes a pagemap: its head, then entries in ascending order of addresses. The pages themselves go to the raw image that the head names.</summary>
public sealed class PagemapWriter : IDisposable
{
    private readonly ImageWriter writer;
    private readonly PagemapEntry entry = new() { CompatNrPages = 0 };
    private ulong end;

    /// <summary>Starts a pagemap.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind"><see cref="ImageKind.Pagemap"/> or <see cref="ImageKind.ShmemPagemap"/>.</param>
    /// <param name="number">Number in the file name: pid, or id of the shared memory.</param>
    /// <param name="pagesId">Number of the pages image.</param>
    public PagemapWriter(IImageStore store, ImageKind kind, ulong number, uint pagesId)
    {
        writer = store.CreateImage(kind, number);
        writer.Write(new PagemapHead { PagesId = pagesId });
    }

    /// <summary>Writes an entry.</summary>
    /// <param name="address">Of the first page, bytes.</param>
    /// <param name="pages">How many; none writes nothing.</param>
    /// <param name="flags">Where they are. Of <see cref="PagemapFlags.Present"/> ones the pages follow in the pages image.</param>
    public void Write(ulong address, ulong pages, PagemapFlags flags)
    {
        if (address % PagemapChain.PageBytes != 0 || address < end || flags == PagemapFlags.None)
            throw new ArgumentException($"{writer.File}: 0x{address:x}, {pages} pages, {flags}: behind 0x{end:x} is no such entry");
        if (pages == 0)
            return;
        (entry.Vaddr, entry.NrPages, entry.Flags) = (address, pages, (uint)flags);
        writer.Write(entry);
        end = address + pages * PagemapChain.PageBytes;
    }

    /// <summary>Finishes the pagemap; it appears at the commit of its store.</summary>
    public void Dispose() => writer.Dispose();
}
