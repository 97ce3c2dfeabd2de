using Google.Protobuf;

namespace Criu.Images;

/// <summary>How images of one kind look. Layout of the file, all integers little-endian:</summary>
/// <remarks>
/// <code>
///   u32 head magic   not in the inventory, nor in images of version 1
///   u32 own magic
///   repeated: u32 length | message | payload, where the kind has one
/// </code>
/// A raw image has none of that: its content belongs to another program, or is pages.
/// </remarks>
public sealed class ImageFormat
{
    private readonly ImageFileName fileName;
    private readonly EntryType? first, further;

    internal ImageFormat(ImageKind kind, string name, string pattern, uint magic, ImagePayload payload, EntryType? first, EntryType? further)
    {
        (Kind, Name, Magic, Payload, fileName) = (kind, name, magic, payload, new ImageFileName(pattern));
        (this.first, this.further) = (first, further);
    }

    /// <summary>Which kind.</summary>
    public ImageKind Kind { get; }

    /// <summary>CRIU's name of the kind; it stands for the magic in crit's JSON.</summary>
    public string Name { get; }

    /// <summary>The file name, with <c>%u</c>, <c>%lu</c>, <c>%x</c> ... where the number stands.</summary>
    public string Pattern => fileName.Pattern;

    /// <summary>The kind's own magic. 0: a raw image. Kinds of the same content share it.</summary>
    public uint Magic { get; }

    /// <summary>The magic before it, in images of version 2; 0 for the inventory and raw images.</summary>
    public uint HeadMagic => Kind switch
    {
        ImageKind.Inventory => 0,
        ImageKind.Stats or ImageKind.IrmapCache => ImageCatalog.ServiceMagic,
        _ => IsRaw ? 0 : ImageCatalog.CommonMagic,
    };

    /// <summary>What follows each entry.</summary>
    public ImagePayload Payload { get; }

    /// <summary>The content is no entries: another program's, or pages.</summary>
    public bool IsRaw => first is null;

    /// <summary>The file name holds a number.</summary>
    public bool HasNumber => fileName.HasNumber;

    /// <summary>The name of the file with this number.</summary>
    /// <param name="number">Id, pid or device; must be 0 where the name has no number.</param>
    public string FileName(ulong number = 0) => fileName.Format(number);

    /// <summary>The number in a file name; false where the name is not of this kind.</summary>
    /// <param name="name">File name without directory.</param>
    /// <param name="number">The number, 0 where the kind has none.</param>
    public bool TryParseFileName(string name, out ulong number) => fileName.TryParse(name, out number);

    /// <summary>An empty first entry.</summary>
    /// <exception cref="InvalidOperationException">The kind is raw.</exception>
    public IMessage NewEntry() => first?.New() ?? throw new InvalidOperationException($"{Name} is raw: it has no entries");

    /// <summary>
    /// An empty entry of those that follow the first: another message for pagemaps (after the head) and ghost files (chunks); for message queues the
    /// message inside of the payload.
    /// </summary>
    /// <exception cref="InvalidOperationException">The kind is raw.</exception>
    public IMessage NewFurtherEntry() => further?.New() ?? NewEntry();

    /// <summary>Refuses a message that images of this kind never hold: a mistake of the caller, no matter what the file holds.</summary>
    internal void Demand(Type type)
    {
        if (type != first?.Type && type != further?.Type)
            throw new ArgumentException($"{Name} does not hold {type.Name}");
    }
}

/// <summary>A message class, and how to make one without reflection.</summary>
internal sealed record EntryType(Type Type, Func<IMessage> New);
