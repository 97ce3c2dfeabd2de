using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>
/// A place that holds one set of images. Images that are being created are invisible until <see cref="Commit"/>, which makes all of them appear, the
/// inventory last: a set without an inventory is not complete.
/// </summary>
public interface IImageStore : IDisposable
{
    /// <summary>What messages call it: the path of the directory.</summary>
    string Location { get; }

    /// <summary>Opens an image for reading; null where there is none of that name.</summary>
    /// <param name="name">File name, e.g. <c>core-1.img</c>.</param>
    SafeFileHandle? TryOpen(string name);

    /// <summary>Creates an image, opened for reading and writing, that appears under its name at <see cref="Commit"/>.</summary>
    /// <param name="name">File name, e.g. <c>pages-1.img</c>. Of each name there is one.</param>
    /// <returns>The caller's own: closing it, before the commit too, takes nothing away.</returns>
    SafeFileHandle Create(string name);

    /// <summary>Creates a whole image at once; a store can keep small ones in memory until <see cref="Commit"/>.</summary>
    /// <param name="name">File name, e.g. <c>core-1.img</c>. Of each name there is one.</param>
    /// <param name="content">All of it.</param>
    void Write(string name, ReadOnlySpan<byte> content);

    /// <summary>The store behind the symbolic link <c>parent</c>, where pages that did not change lie; null where there is none.</summary>
    IImageStore? OpenParent();

    /// <summary>Makes everything created appear, the inventory last. Where there is a new inventory, an older one of the place goes first.</summary>
    /// <param name="confirm">Called when the set is there, whole: when it throws, the set goes again.</param>
    void Commit(Action? confirm = null);
}
