using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// One segment of TCP made by hand, for a peer whose own socket is alive in this network namespace: no second one can have its two ends. The peer's address is of this host,
/// so a raw socket bound to it does, and the kernel makes the IP header (raw(7)).
/// </summary>
internal static class RawSegment
{
    public const byte Fin = 1, Reset = 4, Acknowledgement = 16;         // RFC 9293, 3.1

    private const int Length = 20, InWords = Length / 4, ChecksumAt = 16;

    /// <summary>Sends one without options: a receiver that has negotiated timestamps takes it too.</summary>
    /// <param name="from">The peer, whose address is this host's.</param>
    /// <param name="to">Our end.</param>
    /// <param name="flags">Of the header.</param>
    /// <param name="sequence">Of the segment.</param>
    /// <param name="acknowledged">What it acknowledges.</param>
    /// <param name="window">As it stands in the header: scaled.</param>
    /// <param name="options">Whose lock lets the segment pass.</param>
    /// <param name="subject">Names the connection where it fails.</param>
    public static void Send(IPEndPoint from, IPEndPoint to, byte flags, uint sequence, uint acknowledged, ushort window, SoccrOptions options, string subject)
    {
        (from, to) = (Plain(from), Plain(to));
        int family = from.AddressFamily == AddressFamily.InterNetwork ? Sockets.AF_INET : Sockets.AF_INET6;
        long fd = Kernel.Call(Nr.socket, family, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        if (Kernel.Failed(fd))
            throw new SoccrException("socket (SOCK_RAW)", subject, (int)-fd,
                "The peer's socket is alive in the same network namespace: run with CAP_NET_RAW in the user namespace that owns it, or restore both ends together");
        using var raw = Kernel.Own(fd);
        var calls = new SocketCalls((int)fd, subject);
        if (options.Lock?.Mark is { } mark and not 0)
            calls.Check(options.Switch.TrySet(raw, Sockets.SOL_SOCKET, So.MARK, (int)mark), "SO_MARK");
        calls.Check(calls.Bind(SocketAddress.Of(new IPEndPoint(from.Address, 0))), "bind (SOCK_RAW)", "The peer's address must be one of this host");
        calls.Check(calls.Connect(SocketAddress.Of(new IPEndPoint(to.Address, 0))), "connect (SOCK_RAW)");       // a port would be a protocol to IPv6: raw(7)
        Span<byte> segment = stackalloc byte[Length];
        segment.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], (ushort)to.Port);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], acknowledged);
        segment[12] = InWords << 4;
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment[14..], window);
        uint sum = SumOf(from.Address) + SumOf(to.Address) + Inet.IPPROTO_TCP + Length + Sum(segment);            // the pseudo header of RFC 9293 and RFC 8200
        BinaryPrimitives.WriteUInt16BigEndian(segment[ChecksumAt..], Fold(sum));
        calls.Check(calls.Send(segment, 0), "sendto (SOCK_RAW)");
    }

    /// <summary>A mapped address is IPv4 on the wire.</summary>
    private static IPEndPoint Plain(IPEndPoint end) => end.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(end.Address.MapToIPv4(), end.Port) : end;

    private static uint SumOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return Sum(bytes[..length]);
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 0; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return sum;
    }

    private static ushort Fold(uint sum)
    {
        while (sum > ushort.MaxValue)
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        return (ushort)~sum;
    }
}
