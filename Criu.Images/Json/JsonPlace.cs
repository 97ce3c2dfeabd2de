using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Criu.Images.Json;

/// <summary>A place in JSON, like <c>entries[3].tc.comm</c>, so that what is wrong there can be said; and checked ways from it further in.</summary>
internal readonly record struct JsonPlace(string File, string Path, int Index = 0)
{
    public ImageFormatException Refuse(string problem) => new(File, -1, Path.Length == 0 ? problem : $"{Path}: {problem}");

    public JsonPlace At(string member) => new(File, Path.Length == 0 ? member : $"{Path}.{member}");

    public JsonPlace Item(int index) => new(File, $"{Path}[{index}]", index);

    public JsonPlace Member(JsonElement value, string name, out JsonElement member)
    {
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out member))
            return At(name);
        throw Refuse($"has no member '{name}'");
    }

    public JsonElement.ArrayEnumerator Items(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Refuse("is no list");

    public JsonElement.ObjectEnumerator Members(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : throw Refuse("is no object");

    /// <summary>A string, which can hold lone surrogates: JsonElement.GetString refuses those.</summary>
    public string Text(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw Refuse("is no string");
        ReadOnlySpan<byte> raw = JsonMarshal.GetRawUtf8Value(value)[1..^1];
        return raw.Contains((byte)'\\') ? Unescape(Encoding.UTF8.GetString(raw)) : Encoding.UTF8.GetString(raw);
    }

    public byte[] Base64(JsonElement value)
    {
        try
        {
            return Convert.FromBase64String(Text(value));
        }
        catch (FormatException)
        {
            throw Refuse("is no base64");
        }
    }

    // Well-formed: the parser has seen it.
    private static string Unescape(string raw)
    {
        var text = new StringBuilder(raw.Length);
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }
            i++;
            text.Append(raw[i] switch
            {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\b',
                'f' => '\f',
                'u' => (char)Convert.ToUInt16(raw.Substring(i + 1, 4), 16),
                char other => other,
            });
            i += raw[i] == 'u' ? 4 : 0;
        }
        return text.ToString();
    }
}
