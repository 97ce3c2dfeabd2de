using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Which socket it is, and in which state.</summary>
internal readonly record struct SocketIdentity(SocketAddress Local, SocketAddress Remote, bool HasPeer, bool IsIPv6, TcpState State)
{
    private const int TcpInfoOfInterest = 152;

    public TcpFlow? Flow => HasPeer ? new TcpFlow(Local.ToEndPoint(), Remote.ToEndPoint()) : null;

    public static SocketIdentity Read(SocketCalls calls)
    {
        int domain = calls.Get<int>(Inet.SOL_SOCKET, So.DOMAIN, "SO_DOMAIN"), protocol = calls.Get<int>(Inet.SOL_SOCKET, So.PROTOCOL, "SO_PROTOCOL");
        if (domain is not (Inet.AF_INET or Inet.AF_INET6) || protocol != Inet.IPPROTO_TCP)
            throw new SoccrException(protocol == Inet.IPPROTO_MPTCP
                ? "the socket speaks MPTCP (SO_PROTOCOL 262), which has no repair mode: make it with IPPROTO_TCP"
                : $"the socket is no TCP socket: its family is {domain}, its protocol {protocol}");
        if (!calls.TryName(peer: false, out var local))
            throw new SoccrException("the socket has no name");
        bool hasPeer = calls.TryName(peer: true, out var remote);
        return new SocketIdentity(local, remote, hasPeer, domain == Inet.AF_INET6, ReadState(calls));
    }

    public static TcpState ReadState(SocketCalls calls) => (TcpState)calls.Get<byte>(Inet.IPPROTO_TCP, Tcp.INFO, "TCP_INFO");

    public static unsafe TcpInfo ReadInfo(SocketCalls calls)
    {
        Span<byte> info = stackalloc byte[TcpInfoOfInterest];
        calls.Check(calls.TryGet(Inet.IPPROTO_TCP, Tcp.INFO, info), "TCP_INFO");
        int options = info[5];
        return new TcpInfo((TcpState)info[0], options, info[6] & 0xf, info[6] >> 4, BitConverter.ToInt32(info[24..]), BitConverter.ToInt32(info[28..]),
            BitConverter.ToUInt64(info[104..]), BitConverter.ToUInt32(info[148..]));
    }

    public override string ToString() => HasPeer ? $"{Local.ToEndPoint()} -> {Remote.ToEndPoint()} ({State})" : $"{Local.ToEndPoint()} ({State})";
}

/// <summary>
/// What is wanted of struct tcp_info. Of a listener, Unacked is the number of connections in its queue, and Sacked its backlog. The pacing rate is in bytes a second, and all
/// bits 1 for none; the smallest round trip time in microseconds.
/// </summary>
internal readonly record struct TcpInfo(TcpState State, int Options, int SendScale, int ReceiveScale, int Unacked, int Sacked, ulong PacingRate, uint SmallestRoundTrip);
