using System.IO.Pipelines;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>Images in a store, by kind and number.</summary>
public static class ImageStoreExtensions
{
    /// <summary>Starts an image; it is whole when the writer is disposed, and appears at the commit.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="number">Number in the file name, 0 where the kind has none.</param>
    public static ImageWriter CreateImage(this IImageStore store, ImageKind kind, ulong number = 0)
    {
        string name = ImageCatalog.Of(kind).FileName(number);
        return new ImageWriter(new StorePipeWriter(store, name), kind, store.PathOf(name));
    }

    /// <summary>Opens an image and checks its magics.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="number">Number in the file name, 0 where the kind has none.</param>
    /// <returns>Null where the image is absent, which means the same as no entries.</returns>
    /// <exception cref="ImageFormatException">Its magics are others.</exception>
    public static ImageReader? TryOpenImage(this IImageStore store, ImageKind kind, ulong number = 0)
    {
        string name = ImageCatalog.Of(kind).FileName(number);
        return store.TryOpen(name) is SafeFileHandle file ? OpenFile(file, kind, store.PathOf(name)) : null;
    }

    /// <summary>Opens an image that has to be there.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="number">Number in the file name, 0 where the kind has none.</param>
    /// <exception cref="ImageFormatException">It is absent, or its magics are others.</exception>
    public static ImageReader OpenImage(this IImageStore store, ImageKind kind, ulong number = 0) =>
        store.TryOpenImage(kind, number) ?? throw Absent(store, kind, number);

    /// <summary>Reads an image that has exactly one entry.</summary>
    /// <typeparam name="T">The message class of the kind.</typeparam>
    /// <param name="store">Where.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="number">Number in the file name, 0 where the kind has none.</param>
    /// <exception cref="ImageFormatException">The image is absent or damaged, or has no or further entries.</exception>
    public static T ReadSingle<T>(this IImageStore store, ImageKind kind, ulong number = 0)
        where T : class, IMessage<T>, new()
    {
        using ImageReader reader = store.OpenImage(kind, number);
        if (!reader.TryRead(out T? entry))
            throw reader.Refuse("the entry is missing");
        return reader.IsAtEnd() ? entry : throw reader.Refuse("something follows the only entry");
    }

    /// <summary>Reads the inventory, which says that the set is complete.</summary>
    /// <param name="store">Where.</param>
    /// <exception cref="ImageFormatException">It is absent or damaged, or of a version that nobody knows.</exception>
    public static InventoryEntry ReadInventory(this IImageStore store)
    {
        var inventory = store.ReadSingle<InventoryEntry>(ImageKind.Inventory);
        if (inventory.ImgVersion is 1 or 2)
            return inventory;
        string file = store.PathOf(ImageCatalog.Of(ImageKind.Inventory).FileName());
        throw new ImageFormatException(file, sizeof(uint), $"images of version {inventory.ImgVersion} are not known, only 1 and 2");
    }

    /// <summary>Reads all entries of an image without payloads.</summary>
    /// <typeparam name="T">The message class of the kind.</typeparam>
    /// <param name="store">Where.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="number">Number in the file name, 0 where the kind has none.</param>
    /// <returns>Empty, too, where the image is absent.</returns>
    /// <exception cref="ImageFormatException">The image is damaged.</exception>
    public static List<T> ReadAll<T>(this IImageStore store, ImageKind kind, ulong number = 0)
        where T : class, IMessage<T>, new()
    {
        var entries = new List<T>();
        using ImageReader? reader = store.TryOpenImage(kind, number);
        while (reader is not null && reader.TryRead(out T? entry))
        {
            if (entries.Count == ImageLimits.MaxEntriesInList)
                throw reader.Refuse($"has more than {ImageLimits.MaxEntriesInList} entries");
            entries.Add(entry);
        }
        return entries;
    }

    /// <summary>Writes an image of one entry.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="number">Number in the file name, 0 where the kind has none.</param>
    /// <param name="entry">A message of the kind's class.</param>
    /// <exception cref="ArgumentException">A required field is not set, or the kind does not hold such messages.</exception>
    public static void WriteSingle(this IImageStore store, ImageKind kind, ulong number, IMessage entry)
    {
        using ImageWriter writer = store.CreateImage(kind, number);
        writer.Write(entry);
    }

    /// <summary>Creates a raw image, opened for reading and writing; it appears at the commit.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind">A raw kind.</param>
    /// <param name="number">Number in the file name.</param>
    /// <returns>The caller's own: closing it takes nothing away.</returns>
    public static SafeFileHandle CreateRaw(this IImageStore store, ImageKind kind, ulong number) => store.Create(RawName(kind, number));

    /// <summary>Opens a raw image for reading; null where it is absent.</summary>
    /// <param name="store">Where.</param>
    /// <param name="kind">A raw kind.</param>
    /// <param name="number">Number in the file name.</param>
    public static SafeFileHandle? TryOpenRaw(this IImageStore store, ImageKind kind, ulong number) => store.TryOpen(RawName(kind, number));

    internal static string PathOf(this IImageStore store, string name) => Path.Join(store.Location, name);

    internal static ImageFormatException Absent(IImageStore store, ImageKind kind, ulong number) =>
        new(store.PathOf(ImageCatalog.Of(kind).FileName(number)), 0, "the image is missing");

    /// <summary>Bytes of an open image.</summary>
    internal static long LengthOf(SafeFileHandle file, string path)
    {
        long result = FileCalls.Stat(file, out Stat stat);
        return Kernel.Failed(result) ? throw new ImageStoreException("stat", path, result) : stat.Size;
    }

    private static ImageReader OpenFile(SafeFileHandle file, ImageKind kind, string path)
    {
        var source = new FilePipeReader(file, path);
        try
        {
            return new ImageReader(source, kind, path, LengthOf(file, path));
        }
        catch
        {
            source.Complete();
            throw;
        }
    }

    private static string RawName(ImageKind kind, ulong number)
    {
        ImageFormat format = ImageCatalog.Of(kind);
        return format.IsRaw ? format.FileName(number) : throw new ArgumentException($"{kind} is not raw", nameof(kind));
    }
}
