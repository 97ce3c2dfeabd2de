using System.Text;

namespace Criu.Images.Json;

/// <summary>
/// Text of the kernel (file names, say) can be any bytes. Bytes that are not UTF-8 become lone surrogates U+DC80 to U+DCFF, as in Python's surrogateescape,
/// so that they come back as they were.
/// </summary>
internal static class RawText
{
    private const char FirstEscape = '\udc80', LastEscape = '\udcff';

    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        Span<char> pair = stackalloc char[2];
        while (bytes.Length > 0)
        {
            bool isUtf8 = Rune.DecodeFromUtf8(bytes, out Rune rune, out int used) == System.Buffers.OperationStatus.Done;
            if (isUtf8)
                text.Append(pair[..rune.EncodeToUtf16(pair)]);
            for (int i = 0; !isUtf8 && i < used; i++)
                text.Append((char)(0xdc00 + bytes[i]));
            bytes = bytes[used..];
        }
        return text.ToString();
    }

    /// <summary>The way back. False where a surrogate stands that no bytes became.</summary>
    public static bool TryToBytes(ReadOnlySpan<char> text, out byte[] bytes)
    {
        var result = new MemoryStream(text.Length);
        Span<byte> utf8 = stackalloc byte[4];
        bytes = [];
        while (text.Length > 0)
        {
            if (text[0] is >= FirstEscape and <= LastEscape)
            {
                result.WriteByte((byte)text[0]);
                text = text[1..];
                continue;
            }
            if (Rune.DecodeFromUtf16(text, out Rune rune, out int used) != System.Buffers.OperationStatus.Done)
                return false;
            result.Write(utf8[..rune.EncodeToUtf8(utf8)]);
            text = text[used..];
        }
        bytes = result.ToArray();
        return true;
    }
}
