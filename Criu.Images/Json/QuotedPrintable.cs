using System.Globalization;

namespace Criu.Images.Json;

/// <summary>
/// Quoted-printable (RFC 2045 section 6.7) as Python's binascii writes it, for names of UNIX sockets: abstract ones begin with a NUL and hold any bytes.
/// </summary>
internal sealed class QuotedPrintable
{
    private const int MaxLine = 76;

    private readonly byte[] input;
    private readonly string lineEnd;
    private readonly List<char> output = [];
    private int lineLength;

    private QuotedPrintable(byte[] input)
    {
        this.input = input;
        int newline = Array.IndexOf(input, (byte)'\n');
        // The first line end decides for all of them.
        lineEnd = newline > 0 && input[newline - 1] == '\r' ? "\r\n" : "\n";
    }

    public static string Encode(byte[] bytes)
    {
        var encoder = new QuotedPrintable(bytes);
        for (int i = 0; i < bytes.Length;)
            i += encoder.Take(i);
        return new string([.. encoder.output]);
    }

    /// <summary>The way back; what is no escape stands for itself.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> text)
    {
        var bytes = new MemoryStream(text.Length);
        while (text.Length > 0)
            text = text[(text[0] == '=' ? DecodeEscape(text, bytes) : DecodePlain(text, bytes))..];
        return bytes.ToArray();
    }

    private static int DecodePlain(ReadOnlySpan<byte> text, MemoryStream bytes)
    {
        bytes.WriteByte(text[0]);
        return 1;
    }

    private static int DecodeEscape(ReadOnlySpan<byte> text, MemoryStream bytes)
    {
        if (text.Length >= 2 && text[1] == '\n')
            return 2;                                          // a soft break
        if (text.Length >= 3 && text[1] == '\r' && text[2] == '\n')
            return 3;
        if (text.Length < 3 || !byte.TryParse(text[1..3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            return DecodePlain(text, bytes);
        bytes.WriteByte(value);
        return 3;
    }

    /// <summary>Writes what stands at <paramref name="at"/>; returns how many bytes that were.</summary>
    private int Take(int at)
    {
        if (NeedsEscape(at))
            return TakeEscaped(at);
        if (IsAt(at, (byte)'\n') || (IsAt(at, (byte)'\r') && IsAt(at + 1, (byte)'\n')))
            return TakeLineEnd(at);
        if (at + 1 < input.Length && !IsAt(at + 1, (byte)'\n') && lineLength + 1 >= MaxLine)
            BreakLine();
        output.Add((char)input[at]);
        lineLength++;
        return 1;
    }

    private bool NeedsEscape(int at) => input[at] switch
    {
        > 126 or (byte)'=' => true,
        (byte)'.' => lineLength == 0 && (at + 1 == input.Length || input[at + 1] is (byte)'\n' or (byte)'\r' or 0),
        (byte)'\t' or (byte)' ' => at + 1 == input.Length,
        (byte)'\r' or (byte)'\n' => false,
        byte other => other < 33,
    };

    private int TakeEscaped(int at)
    {
        if (lineLength + 3 >= MaxLine)
            BreakLine();
        Escape(input[at]);
        lineLength += 3;
        return 1;
    }

    // A space or tab at the end of a line would get lost on the way: escape it after all.
    private int TakeLineEnd(int at)
    {
        if (output.Count > 0 && output[^1] is ' ' or '\t')
        {
            char blank = output[^1];
            output.RemoveAt(output.Count - 1);
            Escape((byte)blank);
        }
        output.AddRange(lineEnd);
        lineLength = 0;
        return input[at] == '\r' ? 2 : 1;
    }

    private void BreakLine()
    {
        output.Add('=');
        output.AddRange(lineEnd);
        lineLength = 0;
    }

    private void Escape(byte value)
    {
        output.Add('=');
        output.AddRange(value.ToString("X2", CultureInfo.InvariantCulture));
    }

    private bool IsAt(int at, byte value) => at < input.Length && input[at] == value;
}
