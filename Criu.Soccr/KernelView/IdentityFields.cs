using System.Buffers.Binary;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>In which members the kernel keeps which socket it is: its two ends, its state, and what fcntl tells of its description.</summary>
internal sealed class IdentityFields
{
    private const string Common = "sock.__sk_common.";

    private enum Member { FileFlags, State, Family, LocalPort, RemotePort, Local, Remote, LocalV6, RemoteV6 }

    private readonly int[] places;

    private IdentityFields(int[] places) => this.places = places;

    /// <summary>In the order of <see cref="Member"/>.</summary>
    public static string[] Paths { get; } =
    [
        "file.f_flags", Common + "skc_state", Common + "skc_family", Common + "skc_num", Common + "skc_dport", Common + "skc_rcv_saddr", Common + "skc_daddr", Common + "skc_v6_rcv_saddr",
        Common + "skc_v6_daddr",
    ];

    /// <summary>Null where one of them is missing.</summary>
    public static IdentityFields? TryFind(RecordLayout layout)
    {
        RecordBits?[] all = Array.ConvertAll(Paths, layout.Find);
        return all.All(p => p != null) ? new IdentityFields(Array.ConvertAll(all, p => p!.Value.Place)) : null;
    }

    /// <summary>What sockets with the same options have in common: O_NONBLOCK of the description, and the family.</summary>
    public RecordBits[] OfPattern => [new(places[(int)Member.FileFlags], Fcntl.O_NONBLOCK), new(places[(int)Member.Family], ushort.MaxValue)];

    public bool IsNonBlocking(ReadOnlySpan<byte> record) => (BinaryPrimitives.ReadInt32LittleEndian(At(record, Member.FileFlags)) & Fcntl.O_NONBLOCK) != 0;

    /// <summary>Of a connection with two ends, whatever its state; false for anything else, and for link-local addresses, which have a scope.</summary>
    public bool TryRead(ReadOnlySpan<byte> record, out SocketIdentity identity)
    {
        identity = default;
        if (!((TcpState)At(record, Member.State)[0]).IsSynchronised())
            return false;
        bool isIPv6 = BinaryPrimitives.ReadUInt16LittleEndian(At(record, Member.Family)) == Sockets.AF_INET6;
        ushort ours = BinaryPrimitives.ReadUInt16BigEndian(At(record, Member.LocalPort)), theirs = BinaryPrimitives.ReadUInt16LittleEndian(At(record, Member.RemotePort));
        var local = isIPv6 ? At(record, Member.LocalV6)[..16] : At(record, Member.Local)[..4];
        var remote = isIPv6 ? At(record, Member.RemoteV6)[..16] : At(record, Member.Remote)[..4];
        if (isIPv6 && (IsLinkLocal(local) || IsLinkLocal(remote)))
            return false;
        identity = new SocketIdentity(SocketAddress.Of(local, ours), SocketAddress.Of(remote, theirs), HasPeer: true, isIPv6, State: null);
        return true;
    }

    private ReadOnlySpan<byte> At(ReadOnlySpan<byte> record, Member member) => record[places[(int)member]..];

    private static bool IsLinkLocal(ReadOnlySpan<byte> address) => address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
