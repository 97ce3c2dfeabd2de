using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>Where the content of pages is.</summary>
public enum PageSource
{
    /// <summary>In a pages image.</summary>
    File,

    /// <summary>Not in the images: left to the server of lazy pages.</summary>
    Lazy,
}

/// <summary>Pages that follow one another in memory and in the file that holds them.</summary>
/// <param name="Address">Address of the first, bytes; for shared memory the offset in the object.</param>
/// <param name="Pages">How many pages of <see cref="PagemapChain.PageBytes"/>.</param>
/// <param name="Source">Where their content is.</param>
/// <param name="File">The pages image; null where there is none. Belongs to the chain.</param>
/// <param name="FileOffset">Bytes from the start of that file to the first page.</param>
public readonly record struct PageRun(ulong Address, ulong Pages, PageSource Source, SafeFileHandle? File, long FileOffset)
{
    /// <summary>Address behind the last page, bytes.</summary>
    public ulong End => Address + Pages * PagemapChain.PageBytes;

    /// <summary>The next run continues this one, in memory and in the file.</summary>
    internal bool IsFollowedBy(PageRun next) =>
        next.Address == End && next.Source == Source && next.File == File && (File is null || next.FileOffset == FileOffset + (long)(Pages * PagemapChain.PageBytes));
}
