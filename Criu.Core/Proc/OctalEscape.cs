namespace Criu.Core.Proc;

/// <summary>Bytes that the kernel wrote as <c>\ooo</c>.</summary>
internal static class OctalEscape
{
    /// <summary>
    /// maps, smaps: only the newline is escaped, and the backslash is not, so nothing else may be decoded.
    /// </summary>
    public static byte[] DecodeNewlines(ReadOnlySpan<byte> text)
    {
        byte[] decoded = new byte[text.Length];
        int length = 0;
        for (int i = 0; i < text.Length; i++, length++)
        {
            bool newline = text[i..].StartsWith("\\012"u8);
            decoded[length] = newline ? (byte)'\n' : text[i];
            i += newline ? 3 : 0;
        }
        return decoded[..length];
    }

    /// <summary>mountinfo: blank, tab, newline, backslash (and # in some versions) are escaped, so every escape is one.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> text)
    {
        byte[] decoded = new byte[text.Length];
        int length = 0;
        for (int i = 0; i < text.Length; i++, length++)
        {
            bool escape = text[i] == '\\' && i + 3 < text.Length && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) && IsOctal(text[i + 3]);
            decoded[length] = escape ? (byte)((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | text[i + 3] - '0') : text[i];
            i += escape ? 3 : 0;
        }
        return decoded[..length];
    }

    private static bool IsOctal(byte c) => c is >= (byte)'0' and <= (byte)'7';
}
