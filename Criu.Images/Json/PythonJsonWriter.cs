using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Criu.Images.Json;

/// <summary>
/// Writes JSON byte for byte as Python's json module does: separators ", " and ": ", or an indent of 4; ASCII only. Utf8JsonWriter escapes differently.
/// </summary>
internal sealed class PythonJsonWriter(Stream output, bool pretty) : IDisposable
{
    private const int FlushBytes = 32 << 10;

    private readonly MemoryStream buffer = new();
    private int depth;
    private bool isFirst = true, isAfterName;

    public void BeginObject() => Begin('{');

    public void EndObject() => End('}');

    public void BeginArray() => Begin('[');

    public void EndArray() => End(']');

    public void Name(string name)
    {
        Separate();
        Put('"');
        PutEscaped(name);
        Put('"');
        Put(':');
        Put(' ');
        isAfterName = true;
    }

    public void Number(Int128 value) => Literal(value.ToString(CultureInfo.InvariantCulture));

    public void Boolean(bool value) => Literal(value ? "true" : "false");

    public void String(string text)
    {
        BeginString();
        PutEscaped(text);
        EndString();
    }

    public void BeginString()
    {
        Separate();
        Put('"');
    }

    /// <summary>A part of a string: UTF-16, whose lone surrogates are escaped like everything beyond ASCII.</summary>
    public void StringPart(ReadOnlySpan<char> text) => PutEscaped(text);

    /// <summary>A part of a string: base64 of these bytes, and a newline.</summary>
    public void Base64Line(ReadOnlySpan<byte> bytes)
    {
        Span<byte> line = stackalloc byte[76];
        Base64.EncodeToUtf8(bytes, line, out _, out int written);
        buffer.Write(line[..written]);
        buffer.Write("\\n"u8);
        FlushIfLarge();
    }

    public void EndString() => Put('"');

    public void Dispose() => Flush();

    private void Begin(char bracket)
    {
        Separate();
        Put(bracket);
        (depth, isFirst) = (depth + 1, true);
    }

    private void End(char bracket)
    {
        depth--;
        if (!isFirst)
            NewLine();
        Put(bracket);
        isFirst = false;
        FlushIfLarge();
    }

    private void Literal(string text)
    {
        Separate();
        foreach (char c in text)
            Put(c);
    }

    // Everything but what follows a name stands behind a comma, or at the start of its object or array.
    private void Separate()
    {
        if (!isAfterName && depth > 0)
        {
            if (!isFirst)
                Put(',');
            if (pretty)
                NewLine();
            else if (!isFirst)
                Put(' ');
        }
        (isFirst, isAfterName) = (false, false);
    }

    private void NewLine()
    {
        if (!pretty)
            return;
        Put('\n');
        for (int i = 0; i < 4 * depth; i++)
            Put(' ');
    }

    private void PutEscaped(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
            PutEscaped(c);
    }

    private void PutEscaped(char c)
    {
        string? escape = c switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\b' => "\\b",
            '\f' => "\\f",
            < ' ' or > '\x7f' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
            _ => null,
        };
        if (escape is null)
            Put(c);
        else
            buffer.Write(Encoding.ASCII.GetBytes(escape));
    }

    private void Put(char c) => buffer.WriteByte((byte)c);

    private void FlushIfLarge()
    {
        if (buffer.Length >= FlushBytes)
            Flush();
    }

    private void Flush()
    {
        output.Write(buffer.GetBuffer(), 0, (int)buffer.Length);
        buffer.SetLength(0);
    }
}
