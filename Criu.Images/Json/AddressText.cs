using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;

namespace Criu.Images.Json;

/// <summary>IP addresses of images: numbers whose bytes lie in memory as in the packet. One number is IPv4, four are IPv6.</summary>
internal static class AddressText
{
    /// <summary>Null where so many numbers are no address.</summary>
    public static string? Of(IReadOnlyList<uint> words)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (words.Count is not (1 or 4))
            return null;
        for (int i = 0; i < words.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(4 * i)..], words[i]);
        return words.Count == 1 ? new IPAddress(bytes[..4]).ToString() : V6(bytes);
    }

    public static bool TryParse(string text, out uint[] words)
    {
        words = [];
        if (!IPAddress.TryParse(text, out IPAddress? address) || address.ScopeIdOrZero() != 0)
            return false;
        byte[] bytes = address.GetAddressBytes();
        words = new uint[bytes.Length / 4];
        for (int i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 * i));
        return true;
    }

    // IPAddress.ToString writes ::ffff:127.0.0.1 and the like; crit never writes dots here.
    private static string V6(ReadOnlySpan<byte> bytes)
    {
        (int start, int length) = LongestZeros(bytes);
        var text = new StringBuilder();
        for (int i = 0; i < 8; i++)
        {
            if (i == start)
            {
                text.Append("::");
                i += length - 1;
                continue;
            }
            if (text.Length > 0 && text[^1] != ':')
                text.Append(':');
            text.Append(Group(bytes, i).ToString("x", CultureInfo.InvariantCulture));
        }
        return text.ToString();
    }

    // The first longest run of zero groups; a single one is written out (RFC 5952 section 4.2).
    private static (int Start, int Length) LongestZeros(ReadOnlySpan<byte> bytes)
    {
        (int best, int bestLength) = (-1, 1);
        for (int i = 0, run = 0; i < 8; i++)
        {
            run = Group(bytes, i) == 0 ? run + 1 : 0;
            if (run > bestLength)
                (best, bestLength) = (i - run + 1, run);
        }
        return (best, bestLength);
    }

    private static ushort Group(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * index)..]);

    private static long ScopeIdOrZero(this IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
}
