using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Which socket it is.</summary>
/// <param name="Local">Our address.</param>
/// <param name="Remote">The peer's, where it has one.</param>
/// <param name="HasPeer">Whether it has one.</param>
/// <param name="IsIPv6">Its family.</param>
/// <param name="State">Listen, Close or SynSent; null for a connection in whatever state: that may change at any time, and to ask for it is dear.</param>
internal readonly record struct SocketIdentity(SocketAddress Local, SocketAddress Remote, bool HasPeer, bool IsIPv6, TcpState? State)
{
    private const int TcpInfoOfInterest = 152;

    public TcpFlow? Flow => HasPeer ? new TcpFlow(Local.ToEndPoint(), Remote.ToEndPoint()) : null;

    /// <summary>Of a connection it is not seen yet that it speaks plain TCP: see <see cref="OptionReader"/>.</summary>
    public static SocketIdentity Read(SocketCalls calls)
    {
        if (!calls.TryName(out var local) || local.Family is not (Sockets.AF_INET or Sockets.AF_INET6))
        {
            Refusals.CheckProtocol(calls);
            throw new SoccrException("the socket has no name");
        }
        bool isIPv6 = local.Family == Sockets.AF_INET6;
        if (calls.TryConnectedName(out var remote))
            return new SocketIdentity(local, remote, true, isIPv6, null);
        Refusals.CheckProtocol(calls);
        bool hasPeer = calls.TryPeerName(local, out remote);
        return new SocketIdentity(local, remote, hasPeer, isIPv6, ReadState(calls));
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

    /// <summary>For messages: null where even that fails.</summary>
    public static TcpState? TryReadState(SocketCalls calls) => calls.TryGet(Inet.IPPROTO_TCP, Tcp.INFO, out byte state) == 0 ? (TcpState)state : null;
}

/// <summary>
/// What is wanted of struct tcp_info. Of a listener, Unacked is the number of connections in its queue, and Sacked its backlog. The pacing rate is in bytes a second, and all
/// bits 1 for none; the smallest round trip time in microseconds.
/// </summary>
internal readonly record struct TcpInfo(TcpState State, int Options, int SendScale, int ReceiveScale, int Unacked, int Sacked, ulong PacingRate, uint SmallestRoundTrip);
