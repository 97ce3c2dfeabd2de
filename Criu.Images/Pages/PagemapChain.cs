namespace Criu.Images;

/// <summary>
/// Where every page of an address space or shared memory object is: its pagemap, and those of the parents that hold what had not changed. Nothing is kept in
/// memory: runs are found by reading all pagemaps of the chain side by side, once, in ascending order of addresses.
/// </summary>
/// <remarks>
/// <code>
///   pagemap-7            [present ][parent         ][present]
///   parent/pagemap-7               [present][parent]
///   parent/parent/...                       [present  ]
///   runs                 [ pages-1 ][pages-3][pages-9][pages-1]
/// </code>
/// </remarks>
public sealed class PagemapChain : IDisposable
{
    /// <summary>Bytes of a page in images, whatever the pages of the machine.</summary>
    public const ulong PageBytes = 4096;

    private readonly PagemapLink newest;

    private PagemapChain(PagemapLink newest) => this.newest = newest;

    /// <summary>Opens a pagemap that has to be there.</summary>
    /// <param name="store">The newest images; must outlive the chain.</param>
    /// <param name="kind"><see cref="ImageKind.Pagemap"/> or <see cref="ImageKind.ShmemPagemap"/>.</param>
    /// <param name="number">Number in the file name: pid, or id of the shared memory.</param>
    /// <exception cref="ImageFormatException">It is absent, or damaged at its head.</exception>
    public static PagemapChain Open(IImageStore store, ImageKind kind, ulong number) =>
        TryOpen(store, kind, number) ?? throw ImageStoreExtensions.Absent(store, kind, number);

    /// <summary>Opens a pagemap; null where there is none.</summary>
    /// <param name="store">The newest images; must outlive the chain.</param>
    /// <param name="kind"><see cref="ImageKind.Pagemap"/> or <see cref="ImageKind.ShmemPagemap"/>.</param>
    /// <param name="number">Number in the file name: pid, or id of the shared memory.</param>
    /// <exception cref="ImageFormatException">It is damaged at its head.</exception>
    public static PagemapChain? TryOpen(IImageStore store, ImageKind kind, ulong number) =>
        PagemapLink.TryOpen(store, kind, number) is PagemapLink newest ? new PagemapChain(newest) : null;

    /// <summary>All pages, in ascending order of addresses, as few runs as can be. Each enumeration reads the pagemaps anew.</summary>
    /// <exception cref="ImageFormatException">While enumerating: a pagemap is damaged, a pages image too short, a page in no parent, or the parents form a circle.</exception>
    public IEnumerable<PageRun> Runs()
    {
        using var cursor = new PagemapCursor(newest);
        PageRun run = default;
        while (cursor.TryNext(out PageRun next))
        {
            if (run.Pages > 0 && run.IsFollowedBy(next))
            {
                run = run with { Pages = run.Pages + next.Pages };
                continue;
            }
            if (run.Pages > 0)
                yield return run;
            run = next;
        }
        if (run.Pages > 0)
            yield return run;
    }

    /// <summary>Goes through all runs, so that a damaged image is found before anything is made of it.</summary>
    /// <returns>How many pages lie in files.</returns>
    /// <exception cref="ImageFormatException">As <see cref="Runs"/>.</exception>
    public ulong Validate()
    {
        ulong pages = 0;
        foreach (PageRun run in Runs())
            pages += run.Source == PageSource.File ? run.Pages : 0;
        return pages;
    }

    /// <summary>Closes the pages images of all runs.</summary>
    public void Dispose() => newest.Dispose();
}
