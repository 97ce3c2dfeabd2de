using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// How a connection is an element of a set: our address, the peer's, our port, the peer's, in network byte order, each padded to 4 bytes.
/// A link-local address is there without its interface: two connections that differ in nothing else are held together.
/// </summary>
/// <param name="Set">The name of the set.</param>
/// <param name="Protocol">NFPROTO_*.</param>
/// <param name="AddressBytes">Of one address.</param>
/// <param name="AddressOffset">Of the source address in the packet's header, in bytes; the destination follows it.</param>
/// <param name="NftType">The key's type as nft(8) numbers types, 6 bits each: 7 and 8 are addresses, 13 is a port. The kernel keeps it for nft to list.</param>
internal sealed record FlowKey(string Set, byte Protocol, int AddressBytes, int AddressOffset, int NftType)
{
    /// <summary>Elements of a message lie in one attribute, whose length has 16 bits.</summary>
    private const int MostBytes = ushort.MaxValue - 4;

    public static FlowKey V4 { get; } = new(LockTable.Set4, Netfilter.NFPROTO_IPV4, 4, 12, ((7 << 6 | 7) << 6 | 13) << 6 | 13);
    public static FlowKey V6 { get; } = new(LockTable.Set6, Netfilter.NFPROTO_IPV6, 16, 8, ((8 << 6 | 8) << 6 | 13) << 6 | 13);

    public int Bytes => 2 * AddressBytes + 8;

    /// <summary>So many elements fit into a message. An element is its key in three attributes.</summary>
    public int ElementsOfMessage => MostBytes / (Bytes + 12);

    /// <summary>The kind of a connection's packets: IPv4 also for a socket of IPv6 whose addresses are mapped.</summary>
    /// <exception cref="SoccrException">Its ends are of different kinds.</exception>
    public static FlowKey Of(TcpFlow flow)
    {
        bool local = IsV4(flow.Local.Address), remote = IsV4(flow.Remote.Address);
        if (local != remote)
            throw new SoccrException($"{flow} cannot be held: one address is of IPv4, the other of IPv6");
        return local ? V4 : V6;
    }

    /// <summary>Writes it as an element of a set.</summary>
    public void WriteElement(NetlinkWriter writer, TcpFlow flow)
    {
        using var element = writer.Nest(NfTables.NFTA_LIST_ELEM);
        using var nested = writer.Nest(NfTables.NFTA_SET_ELEM_KEY);
        Span<byte> key = stackalloc byte[Bytes];
        Write(flow, key);
        writer.Bytes(NfTables.NFTA_DATA_VALUE, key);
    }

    /// <summary>The first of each that are the same element, such as an IPv4 address and the same one mapped.</summary>
    public List<TcpFlow> Distinct(List<TcpFlow> flows)
    {
        HashSet<string> seen = [];
        byte[] key = new byte[Bytes];
        return flows.FindAll(flow =>
        {
            Write(flow, key);
            return seen.Add(Convert.ToHexString(key));
        });
    }

    private void Write(TcpFlow flow, Span<byte> key)
    {
        key.Clear();
        WriteAddress(flow.Local.Address, key[..AddressBytes]);
        WriteAddress(flow.Remote.Address, key.Slice(AddressBytes, AddressBytes));
        BinaryPrimitives.WriteUInt16BigEndian(key[(2 * AddressBytes)..], (ushort)flow.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(key[(2 * AddressBytes + 4)..], (ushort)flow.Remote.Port);
    }

    private static void WriteAddress(IPAddress address, Span<byte> into)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int count);
        bytes[(count - into.Length)..count].CopyTo(into);       // the last four of a mapped address are the IPv4 address
    }

    private static bool IsV4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6;
}
