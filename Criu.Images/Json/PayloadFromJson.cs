using System.Buffers.Binary;
using System.Text.Json;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images.Json;

/// <summary>Writes what follows an entry, from its member <c>extra</c>. Its size must be the one that the entry says.</summary>
internal sealed class PayloadFromJson(ImageWriter image, EntryFromJson entries, JsonPlace place)
{
    private JsonPlace Extra => place.At("extra");

    public void Write(IMessage entry, JsonElement? extra)
    {
        switch (entry)
        {
            case PipeDataEntry data:
                WriteBytes(extra, data.Bytes);
                break;
            case SkPacketEntry packet:
                WriteBytes(extra, packet.Length);
                break;
            case TcpStreamEntry stream:
                WriteQueues(extra, stream);
                break;
            case BpfmapDataEntry map:
                WriteBytes(extra, (ulong)map.KeysBytes + map.ValuesBytes);
                break;
            case IpcShmEntry segment:
                WriteSegment(extra, segment);
                break;
            case IpcSemEntry set:
                WriteSemaphores(extra, set);
                break;
            case IpcMsgEntry queue:
                WriteMessages(extra, queue);
                break;
            case GhostFileEntry { Chunks: false }:
                image.WritePayload(extra is JsonElement content ? Extra.Base64(content) : []);
                break;
            case GhostChunkEntry chunk:
                WriteBytes(extra, chunk.Len);
                break;
            default:
                if (extra is not null)
                    throw Extra.Refuse("nothing follows such an entry");
                break;
        }
    }

    private JsonElement Demand(JsonElement? extra) => extra ?? throw place.Refuse("has no member 'extra'");

    private void WriteBytes(JsonElement? extra, ulong bytes) => WriteBytes(Extra, Demand(extra), bytes);

    private void WriteBytes(JsonPlace at, JsonElement json, ulong bytes)
    {
        byte[] content = at.Base64(json);
        if ((ulong)content.Length != bytes)
            throw at.Refuse($"has {content.Length} bytes, but the entry says {bytes}");
        image.WritePayload(content);
    }

    private void WriteQueues(JsonElement? extra, TcpStreamEntry stream)
    {
        WriteBytes(Extra.Member(Demand(extra), "inq", out JsonElement received), received, stream.InqLen);
        WriteBytes(Extra.Member(Demand(extra), "outq", out JsonElement sent), sent, stream.OutqLen);
    }

    private void WriteSegment(JsonElement? extra, IpcShmEntry segment)
    {
        ulong bytes = segment.InPagemaps ? 0 : segment.Size;
        if (extra is not null || bytes > 0)
            WriteBytes(extra, bytes);
        Pad(bytes, 4);
    }

    private void WriteSemaphores(JsonElement? extra, IpcSemEntry set)
    {
        JsonElement list = Demand(extra);
        Span<byte> value = stackalloc byte[sizeof(ushort)];
        uint count = 0;
        foreach (JsonElement item in Extra.Items(list))
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetUInt16(out ushort number))
                throw Extra.Item((int)count).Refuse("is no semaphore value");
            BinaryPrimitives.WriteUInt16LittleEndian(value, number);
            image.WritePayload(value);
            count++;
        }
        if (count != set.Nsems)
            throw Extra.Refuse($"has {count} values, but the entry says {set.Nsems}");
        Pad(count * (ulong)sizeof(ushort), 8);
    }

    private void WriteMessages(JsonElement? extra, IpcMsgEntry queue)
    {
        JsonElement list = Demand(extra);
        JsonElement.ArrayEnumerator items = Extra.Items(list);
        if ((ulong)list.GetArrayLength() != 2ul * queue.Qnum)
            throw Extra.Refuse($"has {list.GetArrayLength()} items, but the entry says {queue.Qnum} messages");
        for (int i = 0; items.MoveNext(); i += 2)
        {
            var message = new IpcMsg();
            entries.Read(message, items.Current, Extra.Item(i));
            items.MoveNext();
            image.Write(message);
            WriteBytes(Extra.Item(i + 1), items.Current, message.Msize);
            Pad(message.Msize, 8);
        }
    }

    private void Pad(ulong bytes, int multiple) => image.WritePayload(new byte[(int)((0 - bytes) & (ulong)(multiple - 1))]);
}
