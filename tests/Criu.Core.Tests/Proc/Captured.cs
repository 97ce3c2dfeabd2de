using Criu.Core.Proc;

namespace Criu.Core.Tests.Proc;

/// <summary>Text captured from /proc, and what every parser must do with text that is damaged.</summary>
internal static class Captured
{
    /// <summary>Latin-1, so that each char below 256 is the byte of that number.</summary>
    public static ProcText Text(string text) => ProcText.Of("/proc/1/file", Bytes(text));

    public static byte[] Bytes(string text) => System.Text.Encoding.Latin1.GetBytes(text);

    public static KernelPath Path(string text) => new(Bytes(text));

    /// <summary>
    /// Cuts the text at each place and overwrites each byte: the parser may accept what is left or complain, but with no other exception
    /// than its own, and it must come back.
    /// </summary>
    public static void Damage(string text, Action<ProcText> parse)
    {
        byte[] bytes = Bytes(text);
        for (int i = 0; i < bytes.Length; i++)
        {
            Try(bytes.AsSpan(0, i), parse);
            foreach (byte b in "\0\n :-9f\xff"u8)
            {
                byte kept = bytes[i];
                bytes[i] = b;
                Try(bytes, parse);
                bytes[i] = kept;
            }
        }
    }

    private static void Try(ReadOnlySpan<byte> bytes, Action<ProcText> parse)
    {
        try
        {
            parse(ProcText.Of("/proc/1/file", bytes));
        }
        catch (ProcFormatException e)
        {
            Assert.Equal("/proc/1/file", e.File);
            Assert.True(e.Line >= 1);
        }
    }
}
