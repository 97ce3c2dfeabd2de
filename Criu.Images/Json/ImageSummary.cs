using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images.Json;

/// <summary>What <c>crit info</c> tells of an image.</summary>
internal sealed class ImageSummary
{
    private long entries, payloadBytes;
    private Int128 pages;

    public static ImageSummary Of(ImageReader reader, IEnumerable<IMessage> all)
    {
        var summary = new ImageSummary();
        using var nothing = new PythonJsonWriter(Stream.Null, pretty: false);
        var payloads = new PayloadToJson(reader, nothing, new EntryToJson(nothing, pretty: false), sizesOnly: true);
        foreach (IMessage entry in all)
        {
            long before = reader.Offset;
            nothing.BeginObject();
            payloads.Write(entry);
            nothing.EndObject();
            summary.Add(entry, reader.Offset - before);
        }
        return summary;
    }

    public void Write(PythonJsonWriter json, ImageReader reader)
    {
        json.BeginObject();
        json.Name("magic");
        json.String(reader.Format.Name);
        if (reader.Version is int version)
            WriteNumber(json, "version", version);
        WriteNumber(json, "count", entries);
        if (reader.Format.Payload != ImagePayload.None)
            WriteNumber(json, "payload_bytes", payloadBytes);
        if (reader.Format.Kind is ImageKind.Pagemap)
            WriteNumber(json, "pages", pages);
        json.EndObject();
    }

    private static void WriteNumber(PythonJsonWriter json, string name, Int128 value)
    {
        json.Name(name);
        json.Number(value);
    }

    private void Add(IMessage entry, long payload)
    {
        entries++;
        payloadBytes += payload;
        if (entry is PagemapEntry pagemap)
            pages += pagemap.HasNrPages ? pagemap.NrPages : pagemap.CompatNrPages;
    }
}
