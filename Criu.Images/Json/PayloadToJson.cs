using System.Buffers.Binary;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images.Json;

/// <summary>Writes what follows an entry, as its member <c>extra</c>. Contents pass through a small buffer, whatever their size.</summary>
internal sealed class PayloadToJson(ImageReader image, PythonJsonWriter json, EntryToJson entries, bool sizesOnly)
{
    /// <summary>Bytes that make a line of base64 (76 characters).</summary>
    public const int LineBytes = 57;

    private const string Extra = "extra";

    public void Write(IMessage entry)
    {
        switch (entry)
        {
            case PipeDataEntry data:
                WriteExtra(data.Bytes);
                break;
            case SkPacketEntry packet:
                WriteExtra(packet.Length);
                break;
            case TcpStreamEntry stream:
                WriteQueues(stream);
                break;
            case BpfmapDataEntry map:
                WriteExtra((long)map.KeysBytes + map.ValuesBytes);
                break;
            case IpcShmEntry segment:
                WriteSegment(segment);
                break;
            case IpcSemEntry set:
                WriteSemaphores(set);
                break;
            case IpcMsgEntry queue:
                WriteMessages(queue);
                break;
            case GhostFileEntry { Chunks: false }:
                WriteRest();
                break;
            case GhostChunkEntry chunk:
                WriteExtra(Bounded(chunk.Len));
                break;
        }
    }

    private void WriteExtra(long bytes)
    {
        json.Name(Extra);
        WriteBytes(bytes);
    }

    private void WriteBytes(long bytes)
    {
        if (sizesOnly)
        {
            image.SkipPayload(bytes);
            json.String(SizeText(bytes));
            return;
        }
        Span<byte> line = stackalloc byte[LineBytes];
        json.BeginString();
        for (long left = bytes; left > 0; left -= LineBytes)
        {
            Span<byte> part = line[..(int)Math.Min(left, LineBytes)];
            image.ReadPayload(part);
            json.Base64Line(part);
        }
        json.EndString();
    }

    private void WriteQueues(TcpStreamEntry stream)
    {
        json.Name(Extra);
        json.BeginObject();
        json.Name("inq");
        WriteBytes(stream.InqLen);
        json.Name("outq");
        WriteBytes(stream.OutqLen);
        json.EndObject();
    }

    private void WriteSegment(IpcShmEntry segment)
    {
        long bytes = segment.InPagemaps ? 0 : Bounded(segment.Size);
        WriteExtra(bytes);
        image.SkipPayload(-bytes & 3);
    }

    private void WriteSemaphores(IpcSemEntry set)
    {
        long bytes = set.Nsems * (long)sizeof(ushort);
        json.Name(Extra);
        if (sizesOnly)
            WriteBytes(bytes);
        else
            WriteNumbers(set.Nsems);
        image.SkipPayload(-bytes & 7);
    }

    private void WriteNumbers(uint count)
    {
        Span<byte> value = stackalloc byte[sizeof(ushort)];
        json.BeginArray();
        for (uint i = 0; i < count; i++)
        {
            image.ReadPayload(value);
            json.Number(BinaryPrimitives.ReadUInt16LittleEndian(value));
        }
        json.EndArray();
    }

    private void WriteMessages(IpcMsgEntry queue)
    {
        json.Name(Extra);
        json.BeginArray();
        for (uint i = 0; i < queue.Qnum; i++)
        {
            var message = new IpcMsg();
            image.ReadInto(message);
            entries.Write(message);
            WriteBytes(message.Msize);
            image.SkipPayload(-(long)message.Msize & 7);
        }
        json.EndArray();
    }

    // The content of a ghost file has no length of its own: all that is left.
    private void WriteRest()
    {
        if (image.Remaining is long bytes)
        {
            WriteExtra(bytes);
            return;
        }
        json.Name(Extra);
        json.BeginString();
        long total = WriteLines();
        json.StringPart(sizesOnly ? SizeText(total) : "");
        json.EndString();
    }

    private long WriteLines()
    {
        Span<byte> line = stackalloc byte[LineBytes];
        long total = 0;
        for (int got; (got = image.ReadUpTo(line)) > 0; total += got)
            if (!sizesOnly)
                json.Base64Line(line[..got]);
        return total;
    }

    private static string SizeText(long bytes) => $"... <{bytes}B>";

    private long Bounded(ulong bytes) => bytes <= long.MaxValue ? (long)bytes : throw image.Refuse($"{bytes} bytes are more than a file can have");
}
