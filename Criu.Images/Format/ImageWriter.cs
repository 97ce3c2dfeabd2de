using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Criu.Images;

/// <summary>Writes one image: magics, then entries, each with its payload, if the kind has one.</summary>
public sealed class ImageWriter : IDisposable
{
    /// <summary>Bytes that may wait for a flush.</summary>
    private const int FlushBytes = 64 << 10;

    private readonly PipeWriter target;
    private readonly ImageFormat format;
    private bool isComplete;

    /// <summary>Starts an image: writes its magics.</summary>
    /// <param name="target">Where to; completed when this is disposed.</param>
    /// <param name="kind">A kind that is not raw.</param>
    /// <param name="file">What messages call the image.</param>
    public ImageWriter(PipeWriter target, ImageKind kind, string file)
    {
        (this.target, format, File) = (target, ImageCatalog.Of(kind), file);
        if (format.IsRaw)
            throw new ArgumentException($"{kind} is raw", nameof(kind));
        if (format.HeadMagic != 0)
            WriteNumber(format.HeadMagic);
        WriteNumber(format.Magic);
    }

    /// <summary>What messages call the image.</summary>
    public string File { get; }

    /// <summary>Bytes written so far.</summary>
    public long Offset { get; private set; }

    /// <summary>Writes an entry.</summary>
    /// <param name="entry">A message of the kind's class.</param>
    /// <exception cref="ArgumentException">A required field is not set, or the kind does not hold such messages.</exception>
    public void Write(IMessage entry)
    {
        format.Demand(entry.GetType());
        if (entry is IImageEntry checkable && checkable.FirstUnsetField() is string field)
            throw new ArgumentException($"{File}: required field {field} of {entry.GetType().Name} is not set");
        int bytes = entry.CalculateSize();
        Span<byte> span = target.GetSpan(sizeof(uint) + bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)bytes);
        entry.WriteTo(span.Slice(sizeof(uint), bytes));
        Advance(sizeof(uint) + bytes);
    }

    /// <summary>Writes what follows an entry, or a part of it.</summary>
    /// <param name="bytes">As they will lie in the image.</param>
    public void WritePayload(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            Span<byte> span = target.GetSpan();
            int part = Math.Min(span.Length, bytes.Length);
            bytes[..part].CopyTo(span);
            Advance(part);
            bytes = bytes[part..];
        }
    }

    /// <summary>Finishes the image. Whoever made the target says when it appears: a store at its commit.</summary>
    public void Dispose()
    {
        if (isComplete)
            return;
        isComplete = true;
        target.Complete();
    }

    private void WriteNumber(uint number)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target.GetSpan(sizeof(uint)), number);
        Advance(sizeof(uint));
    }

    private void Advance(int bytes)
    {
        target.Advance(bytes);
        Offset += bytes;
        if (target.CanGetUnflushedBytes && target.UnflushedBytes >= FlushBytes)
            Flush();
    }

    private void Flush()
    {
        ValueTask<FlushResult> flush = target.FlushAsync();
        if (!flush.IsCompletedSuccessfully)
            flush.AsTask().GetAwaiter().GetResult();           // somebody else's pipe: wait for its reader
    }
}
