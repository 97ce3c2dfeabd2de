using System.IO.Pipelines;
using System.Text.Json;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images.Json;

/// <summary>Images as JSON in the form of crit, byte for byte, and back. The kind is told by the magic, so raw images have no such form.</summary>
public static class CritJson
{
    /// <summary>Writes an image as JSON, without the newline that crit adds on a terminal.</summary>
    /// <param name="image">The image.</param>
    /// <param name="json">Where to. When this throws, the beginning is there.</param>
    /// <param name="options">How.</param>
    /// <param name="file">What messages call the image.</param>
    /// <exception cref="ImageFormatException">The image is damaged.</exception>
    public static void Decode(Stream image, Stream json, CritOptions options, string file = "image")
    {
        using ImageReader reader = OpenByMagic(image, file);
        using var writer = new PythonJsonWriter(json, options.Pretty);
        var entries = new EntryToJson(writer, options.Pretty);
        var payloads = new PayloadToJson(reader, writer, entries, options.NoPayload);
        writer.BeginObject();
        writer.Name("magic");
        writer.String(reader.Format.Name);
        writer.Name("entries");
        writer.BeginArray();
        foreach (IMessage entry in EntriesOf(reader))
        {
            entries.WriteOpen(entry);
            payloads.Write(entry);
            writer.EndObject();
        }
        writer.EndArray();
        writer.EndObject();
    }

    /// <summary>Makes an image of JSON.</summary>
    /// <param name="json">As <see cref="Decode"/> writes it, pretty or not.</param>
    /// <param name="image">Where to.</param>
    /// <param name="file">What messages call the JSON.</param>
    /// <exception cref="ImageFormatException">It is no JSON, or no image can be made of it: says of which entry and field.</exception>
    public static void Encode(Stream json, Stream image, string file = "JSON")
    {
        using JsonDocument document = Parse(json, file);
        JsonElement root = document.RootElement;
        var context = new JsonPlace(file, "");
        ImageFormat format = FormatOf(context.Member(root, "magic", out JsonElement magic), magic);
        JsonPlace list = context.Member(root, "entries", out JsonElement entries);
        using var writer = new ImageWriter(PipeWriter.Create(image, new StreamPipeWriterOptions(leaveOpen: true)), format.Kind, file);
        var reader = new EntryFromJson();
        int index = 0;
        foreach (JsonElement entry in list.Items(entries))
            WriteEntry(writer, reader, format, list.Item(index++), entry);
    }

    /// <summary>Writes what an image is, as JSON: its magic, version of the format, and how many entries, pages or bytes it holds.</summary>
    /// <param name="image">The image.</param>
    /// <param name="json">Where to.</param>
    /// <param name="file">What messages call the image.</param>
    /// <exception cref="ImageFormatException">The image is damaged.</exception>
    public static void Info(Stream image, Stream json, string file = "image")
    {
        using ImageReader reader = OpenByMagic(image, file);
        using var writer = new PythonJsonWriter(json, pretty: true);
        var summary = ImageSummary.Of(reader, EntriesOf(reader));
        summary.Write(writer, reader);
    }

    private static ImageReader OpenByMagic(Stream image, string file) =>
        ImageReader.OpenByMagic(new StreamPipeReader(image), file, image.CanSeek ? image.Length - image.Position : null);

    // Pagemaps have a head before their entries, ghost files chunks behind theirs.
    private static IEnumerable<IMessage> EntriesOf(ImageReader reader)
    {
        IMessage? entry = reader.TryReadEntry();
        bool further = entry is PagemapHead or GhostFileEntry;
        for (; entry is not null; entry = reader.TryReadEntry(further))
            yield return entry;
    }

    private static void WriteEntry(ImageWriter writer, EntryFromJson reader, ImageFormat format, JsonPlace place, JsonElement json)
    {
        bool further = place.Index > 0 && format.Kind is ImageKind.Pagemap or ImageKind.ShmemPagemap or ImageKind.GhostFile;
        IMessage entry = further ? format.NewFurtherEntry() : format.NewEntry();
        JsonElement? extra = reader.Read(entry, json, place);
        writer.Write(entry);
        new PayloadFromJson(writer, reader, place).Write(entry, extra);
    }

    private static ImageFormat FormatOf(JsonPlace place, JsonElement magic) =>
        ImageCatalog.ByName(place.Text(magic)) ?? throw place.Refuse("there is no such kind of image");

    private static JsonDocument Parse(Stream json, string file)
    {
        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 256 });
        }
        catch (JsonException e)
        {
            throw new ImageFormatException(file, -1, "is no JSON: " + e.Message, e);
        }
    }
}
