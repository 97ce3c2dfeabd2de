using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Criu.Images;

/// <summary>
/// Reads one image. Whatever it holds, the answer is its entries or an <see cref="ImageFormatException"/>: every length is compared with the bound and with
/// what is left of the file before anything of its size is made.
/// </summary>
public sealed class ImageReader : IDisposable
{
    private readonly PipeReader source;
    private readonly long? length;
    private long entryOffset;

    /// <summary>Starts reading: checks the magics.</summary>
    /// <param name="source">The bytes of the image; completed when this is disposed.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="file">What messages call the image.</param>
    /// <param name="length">Bytes of the image, where they are known.</param>
    /// <exception cref="ImageFormatException">The magics are others.</exception>
    public ImageReader(PipeReader source, ImageKind kind, string file, long? length = null)
        : this(source, ImageCatalog.Of(kind), file, length)
    {
    }

    private ImageReader(PipeReader source, ImageFormat? expected, string file, long? length)
    {
        if (expected is { IsRaw: true })
            throw new ArgumentException($"{expected.Kind} is raw");
        (this.source, File, this.length) = (source, file, length);
        uint first = ReadNumber("magic");
        bool hasHead = first is ImageCatalog.CommonMagic or ImageCatalog.ServiceMagic;
        uint magic = hasHead ? ReadNumber("magic") : first;
        Format = expected ?? ImageCatalog.ByMagic(magic) ?? throw Refuse($"no image has the magic 0x{magic:x8}");
        if (magic != Format.Magic)
            throw Refuse($"magic 0x{magic:x8} is not 0x{Format.Magic:x8} of {Format.Name}");
        if (hasHead && first != Format.HeadMagic)
            throw Refuse($"head magic 0x{first:x8} is not that of {Format.Name}");
        Version = Format.HeadMagic == 0 ? null : hasHead ? 2 : 1;
    }

    /// <summary>How images of this kind look.</summary>
    public ImageFormat Format { get; }

    /// <summary>What messages call the image.</summary>
    public string File { get; }

    /// <summary>Version of the format, by its head magic: 1 without, 2 with one; null for the inventory, which has none and says the version of all others.</summary>
    public int? Version { get; }

    /// <summary>Bytes from the start of the image to what is read next.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes from here to the end; null where that is not known.</summary>
    public long? Remaining => length - Offset;

    /// <summary>Opens an image whose kind its magic tells: of kinds that share one, the first.</summary>
    /// <param name="source">The bytes of the image; completed when this is disposed.</param>
    /// <param name="file">What messages call the image.</param>
    /// <param name="length">Bytes of the image, where they are known.</param>
    /// <exception cref="ImageFormatException">No kind has such a magic.</exception>
    public static ImageReader OpenByMagic(PipeReader source, string file, long? length = null) => new(source, expected: null, file, length);

    /// <summary>Reads the next entry.</summary>
    /// <typeparam name="T">The message class of the kind.</typeparam>
    /// <param name="entry">The entry; null at the end.</param>
    /// <returns>False at the end of the image.</returns>
    /// <exception cref="ImageFormatException">It is cut off, no such message, or lacks a required field.</exception>
    public bool TryRead<T>([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? entry)
        where T : class, IMessage<T>, new()
    {
        Format.Demand(typeof(T));
        entry = null;
        entryOffset = Offset;
        if (IsAtEnd())
            return false;
        entry = new T();
        ReadInto(entry);
        return true;
    }

    /// <summary>Reads the next entry as the class that the catalogue says.</summary>
    /// <param name="further">The kind's other message: an entry of a pagemap after its head, a chunk of a ghost file.</param>
    /// <returns>Null at the end of the image.</returns>
    /// <exception cref="ImageFormatException">It is cut off, no such message, or lacks a required field.</exception>
    public IMessage? TryReadEntry(bool further = false)
    {
        entryOffset = Offset;
        if (IsAtEnd())
            return null;
        IMessage entry = further ? Format.NewFurtherEntry() : Format.NewEntry();
        ReadInto(entry);
        return entry;
    }

    /// <summary>Reads what follows an entry, or a part of it.</summary>
    /// <param name="buffer">Filled to its end.</param>
    /// <exception cref="ImageFormatException">The image ends before.</exception>
    public void ReadPayload(Span<byte> buffer)
    {
        DemandPayload(buffer.Length);
        while (buffer.Length > 0)
        {
            ReadOnlySequence<byte> bytes = Need(1, "payload");
            ReadOnlySequence<byte> part = bytes.Slice(0, Math.Min(bytes.Length, buffer.Length));
            part.CopyTo(buffer);
            buffer = buffer[(int)part.Length..];
            Advance(part.End, part.Length);
        }
    }

    /// <summary>Reads what follows an entry into memory of its own.</summary>
    /// <param name="bytes">As the entry says; anything is safe to pass.</param>
    /// <exception cref="ImageFormatException">The image has not so many bytes, or they are beyond all bounds.</exception>
    public byte[] ReadPayload(long bytes)
    {
        DemandPayload(bytes);
        if (bytes > ImageLimits.MaxPayloadBytes)
            throw Refuse($"a payload of {bytes} bytes is too large to be read at once");
        if (Remaining is null && bytes > ImageLimits.CountedEntryBytes)
            Need((int)bytes, "payload");                       // of a pipe nobody knows the length: have the bytes first
        var buffer = new byte[bytes];
        ReadPayload(buffer);
        return buffer;
    }

    /// <summary>Passes over what follows an entry.</summary>
    /// <param name="bytes">As the entry says; anything is safe to pass.</param>
    /// <exception cref="ImageFormatException">The image has not so many bytes.</exception>
    public void SkipPayload(long bytes)
    {
        DemandPayload(bytes);
        while (bytes > 0)
        {
            ReadOnlySequence<byte> got = Need(1, "payload");
            ReadOnlySequence<byte> part = got.Slice(0, Math.Min(got.Length, bytes));
            bytes -= part.Length;
            Advance(part.End, part.Length);
        }
    }

    /// <summary>The exception for an entry that says what cannot be, with file and offset of the entry that was read last.</summary>
    /// <param name="problem">What is wrong with it.</param>
    public ImageFormatException Refuse(string problem) => new(File, entryOffset, problem);

    /// <summary>Closes the image.</summary>
    public void Dispose() => source.Complete();

    /// <summary>Nothing follows.</summary>
    internal bool IsAtEnd()
    {
        ReadOnlySequence<byte> bytes = AtLeast(1);
        bool isAtEnd = bytes.IsEmpty;
        source.AdvanceTo(bytes.Start);
        return isAtEnd;
    }

    /// <summary>Reads until the buffer is full or the image ends, wherever that is. Returns bytes.</summary>
    internal int ReadUpTo(Span<byte> buffer)
    {
        ReadOnlySequence<byte> got = AtLeast(buffer.Length);
        ReadOnlySequence<byte> part = got.Slice(0, Math.Min(got.Length, buffer.Length));
        part.CopyTo(buffer);
        Advance(part.End, part.Length);
        return (int)part.Length;
    }

    /// <summary>Reads a u32 that stands outside of an entry.</summary>
    /// <param name="what">What it is, for the message that it is cut off.</param>
    internal uint ReadNumber(string what)
    {
        ReadOnlySequence<byte> bytes = Need(sizeof(uint), what).Slice(0, sizeof(uint));
        Span<byte> copy = stackalloc byte[sizeof(uint)];
        bytes.CopyTo(copy);
        Advance(bytes.End, sizeof(uint));
        return BinaryPrimitives.ReadUInt32LittleEndian(copy);
    }

    /// <summary>Reads length and content of an entry into a message, and checks it.</summary>
    internal void ReadInto(IMessage entry)
    {
        entryOffset = Offset;
        uint bytes = ReadNumber("length of an entry");
        if (bytes > ImageLimits.MaxEntryBytes)
            throw Refuse($"an entry of {bytes} bytes is too long");
        if (bytes > Remaining)
            throw Refuse($"an entry of {bytes} bytes is cut off after {Remaining}");
        if (bytes > 0)
            ReadContent(entry, (int)bytes);
        if (entry is IImageEntry checkable && checkable.FirstUnsetField() is string field)
            throw Refuse($"required field {field} of {entry.GetType().Name} is missing");
    }

    private void ReadContent(IMessage entry, int bytes)
    {
        ReadOnlySequence<byte> content = Need(bytes, "entry").Slice(0, bytes);
        Parse(entry, content);
        Advance(content.End, bytes);
    }

    private void Parse(IMessage entry, ReadOnlySequence<byte> content)
    {
        DemandBudget(entry, content);
        try
        {
            if (content.IsSingleSegment)
                entry.MergeFrom(content.FirstSpan);
            else
                entry.MergeFrom(content);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ImageFormatException(File, entryOffset, $"is no {entry.GetType().Name}: {e.Message}", e);
        }
    }

    private void DemandBudget(IMessage entry, ReadOnlySequence<byte> content)
    {
        if (content.Length < ImageLimits.CountedEntryBytes || entry is not IImageEntry countable)
            return;
        var budget = new WireBudget(ImageLimits.MaxObjectsInEntry);
        countable.Count(content.IsSingleSegment ? content.FirstSpan : content.ToArray(), ref budget);
        if (budget.IsExceeded)
            throw Refuse($"an entry of {content.Length} bytes holds more than {ImageLimits.MaxObjectsInEntry} parts");
    }

    private void DemandPayload(long bytes)
    {
        if (bytes < 0 || bytes > Remaining)
            throw Refuse($"a payload of {(ulong)bytes} bytes is cut off after {Remaining}");
    }

    private ReadOnlySequence<byte> Need(int bytes, string what)
    {
        ReadOnlySequence<byte> got = AtLeast(bytes);
        if (got.Length >= bytes)
            return got;
        source.AdvanceTo(got.Start, got.End);
        throw Refuse($"{what} is cut off after {got.Length} of {bytes} bytes");
    }

    private ReadOnlySequence<byte> AtLeast(int bytes)
    {
        ValueTask<ReadResult> read = source.ReadAtLeastAsync(bytes);
        return (read.IsCompletedSuccessfully ? read.Result : read.AsTask().GetAwaiter().GetResult()).Buffer;
    }

    private void Advance(SequencePosition to, long bytes)
    {
        source.AdvanceTo(to);
        Offset += bytes;
    }
}
