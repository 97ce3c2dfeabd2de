using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>An option of a UDP, ping or raw socket.</summary>
/// <param name="Level">SOL_SOCKET, IPPROTO_*.</param>
/// <param name="Number">Its number there.</param>
/// <param name="IsEarly">Whether it must be set before bind: it says what may be bound or connected to.</param>
internal readonly record struct InetOption(int Level, int Number, bool IsEarly = false);

/// <summary>
/// What is kept of UDP, ping and raw sockets, in the order in which it is set: TOS before PRIORITY, which it changes. What a kernel or a family does not have is passed over.
/// Buffers, REUSEADDR, filters and corks are not in it, nor what TCP has: that is Criu.Soccr's.
/// </summary>
internal static class InetOptionTable
{
    public static readonly InetOption[] All =
    [
        new(Inet.IPPROTO_IPV6, Ipv6.V6ONLY, true), new(Inet.IPPROTO_IP, Ip.FREEBIND, true), new(Inet.IPPROTO_IP, Ip.TRANSPARENT, true), new(Inet.IPPROTO_IP, Ip.BIND_ADDRESS_NO_PORT, true),
        new(Inet.IPPROTO_IP, Ip.LOCAL_PORT_RANGE, true), new(Inet.IPPROTO_IPV6, Ipv6.FREEBIND, true), new(Inet.IPPROTO_IPV6, Ipv6.TRANSPARENT, true), new(Sockets.SOL_SOCKET, So.MARK, true),
        new(Sockets.SOL_SOCKET, So.BINDTODEVICE, true), new(Sockets.SOL_SOCKET, So.REUSEPORT, true), new(Sockets.SOL_SOCKET, So.BROADCAST, true),

        .. Of(Inet.IPPROTO_IP, Ip.TOS, Ip.TTL, Ip.HDRINCL, Ip.OPTIONS, Ip.RECVOPTS, Ip.RETOPTS, Ip.PKTINFO, Ip.MTU_DISCOVER, Ip.RECVERR, Ip.RECVTTL, Ip.RECVTOS, Ip.RECVORIGDSTADDR, Ip.MINTTL,
            Ip.NODEFRAG, Ip.CHECKSUM, Ip.RECVFRAGSIZE, Ip.RECVERR_RFC4884, Ip.MULTICAST_IF, Ip.MULTICAST_TTL, Ip.MULTICAST_LOOP, Ip.MULTICAST_ALL, Ip.UNICAST_IF),
        .. Of(Inet.IPPROTO_IPV6, Ipv6.CHECKSUM, Ipv6.UNICAST_HOPS, Ipv6.MULTICAST_IF, Ipv6.MULTICAST_HOPS, Ipv6.MULTICAST_LOOP, Ipv6.MTU_DISCOVER, Ipv6.RECVERR, Ipv6.MULTICAST_ALL,
            Ipv6.RECVERR_RFC4884, Ipv6.FLOWINFO_SEND, Ipv6.HDRINCL, Ipv6.RECVPKTINFO, Ipv6.RECVHOPLIMIT, Ipv6.RECVHOPOPTS, Ipv6.RECVRTHDR, Ipv6.RECVDSTOPTS, Ipv6.RECVPATHMTU,
            Ipv6.DONTFRAG, Ipv6.RECVTCLASS, Ipv6.TCLASS, Ipv6.AUTOFLOWLABEL, Ipv6.ADDR_PREFERENCES, Ipv6.MINHOPCOUNT, Ipv6.RECVORIGDSTADDR, Ipv6.UNICAST_IF, Ipv6.RECVFRAGSIZE),
        .. Of(Sockets.SOL_SOCKET, So.DEBUG, So.DONTROUTE, So.NO_CHECK, So.OOBINLINE, So.PRIORITY, So.LINGER, So.RCVLOWAT, So.RCVTIMEO_OLD, So.SNDTIMEO_OLD, So.TIMESTAMP_OLD, So.TIMESTAMPNS_OLD,
            So.TIMESTAMP_NEW, So.TIMESTAMPNS_NEW, So.TIMESTAMPING_OLD, So.RXQ_OVFL, So.SELECT_ERR_QUEUE, So.BUSY_POLL, So.PREFER_BUSY_POLL, So.BUSY_POLL_BUDGET, So.MAX_PACING_RATE,
            So.INCOMING_CPU, So.ZEROCOPY, So.TXTIME, So.TXREHASH, So.RCVMARK, So.PEEK_OFF, So.KEEPALIVE),
        .. Of(Inet.IPPROTO_UDP, UdpOption.ENCAP, UdpOption.NO_CHECK6_TX, UdpOption.NO_CHECK6_RX, UdpOption.SEGMENT, UdpOption.GRO),
        .. Of(Inet.IPPROTO_UDPLITE, UdpOption.LITE_SEND_CSCOV, UdpOption.LITE_RECV_CSCOV, UdpOption.NO_CHECK6_TX, UdpOption.NO_CHECK6_RX),
        new(RawOption.SOL_RAW, RawOption.ICMP_FILTER), new(Inet.IPPROTO_ICMPV6, RawOption.ICMPV6_FILTER),
    ];

    /// <summary>Of each its level and number.</summary>
    public static readonly (int Level, int Number)[] Numbers = Array.ConvertAll(All, o => (o.Level, o.Number));

    private static InetOption[] Of(int level, params int[] numbers) => Array.ConvertAll(numbers, n => new InetOption(level, n));
}
