using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>A key of TCP_MD5SIG: segments from and to these peers are signed with it.</summary>
/// <param name="Address">Of the peer, or the first of a network of them. IPv4 also on an IPv6 socket that speaks IPv4.</param>
/// <param name="PrefixLength">How many bits of it count: 32 or 128 for one peer.</param>
/// <param name="Key">1 to 80 bytes. Secret.</param>
public sealed record TcpMd5Key(IPAddress Address, int PrefixLength, ImmutableArray<byte> Key)
{
    private const int HeaderBytes = 8;

    internal bool IsIPv6 => Address.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>Whether it is for this peer.</summary>
    internal bool IsFor(IPAddress peer)
    {
        if (peer.IsIPv4MappedToIPv6)
            peer = peer.MapToIPv4();
        if (peer.AddressFamily != Address.AddressFamily)
            return false;
        byte[] own = Address.GetAddressBytes(), theirs = peer.GetAddressBytes();
        for (int bit = 0; bit < PrefixLength; bit++)
            if (((own[bit / 8] ^ theirs[bit / 8]) & 0x80 >> bit % 8) != 0)
                return false;
        return true;
    }

    /// <summary>Prefix length and length of the address, four bytes each, little-endian; address; key.</summary>
    internal byte[] ToBytes()
    {
        byte[] address = Address.GetAddressBytes(), bytes = [.. new byte[HeaderBytes], .. address, .. Key];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, PrefixLength);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), address.Length);
        return bytes;
    }

    /// <returns>Null where it is none.</returns>
    internal static TcpMd5Key? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes)
            return null;
        int prefix = BinaryPrimitives.ReadInt32LittleEndian(bytes), length = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        if (length is not (4 or 16) || prefix < 0 || prefix > 8 * length || bytes.Length - HeaderBytes - length is < 1 or > Tcp.MD5SIG_MAXKEYLEN)
            return null;
        return new TcpMd5Key(new IPAddress(bytes.Slice(HeaderBytes, length)), prefix, [.. bytes[(HeaderBytes + length)..]]);
    }

    /// <inheritdoc/>
    public bool Equals(TcpMd5Key? other) => other != null && PrefixLength == other.PrefixLength && Address.Equals(other.Address) && Key.AsSpan().SequenceEqual(other.Key.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, PrefixLength, Key.Length);

    /// <summary>As <c>ADDRESS/PREFIX (N bytes)</c>, without the key.</summary>
    public override string ToString() => $"{Address}/{PrefixLength} ({Key.Length} bytes)";
}
