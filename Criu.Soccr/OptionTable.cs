using Linux.Abi;

namespace Criu.Soccr;

/// <summary>When an option is set on a socket that is being restored.</summary>
internal enum OptionStage
{
    /// <summary>Before bind: it says what may be bound, or by which way packets go, or is refused on a connection (EINVAL).</summary>
    Early,

    /// <summary>Before listen.</summary>
    Listener,

    /// <summary>When the connection is there and repair mode is off.</summary>
    Late,
}

internal readonly record struct OptionRow(int Level, int Number, string Name, OptionStage Stage);

/// <summary>
/// Every option that is kept, in the order in which they are set: TOS before PRIORITY, which it changes; RCVLOWAT before the buffers, which it raises. Buffers and their
/// locks, REUSEADDR, KEEPALIVE, CORK and MAXSEG are not in it: repair mode uses them. Nor is what never differs on TCP: IP_RECVFRAGSIZE is EINVAL, and
/// TCP_THIN_DUPACK always 0.
/// </summary>
internal static class OptionTable
{
    public static readonly OptionRow[] Rows =
    [
        Early(Inet.IPPROTO_IP, Ip.FREEBIND, "IP_FREEBIND"), Early(Inet.IPPROTO_IP, Ip.TRANSPARENT, "IP_TRANSPARENT"), Early(Inet.IPPROTO_IP, Ip.BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT"),
        Early(Inet.IPPROTO_IP, Ip.LOCAL_PORT_RANGE, "IP_LOCAL_PORT_RANGE"),
        Early(Inet.IPPROTO_IPV6, Ipv6.V6ONLY, "IPV6_V6ONLY"), Early(Inet.IPPROTO_IPV6, Ipv6.FREEBIND, "IPV6_FREEBIND"), Early(Inet.IPPROTO_IPV6, Ipv6.TRANSPARENT, "IPV6_TRANSPARENT"),
        Early(Sockets.SOL_SOCKET, So.MARK, "SO_MARK"), Early(Sockets.SOL_SOCKET, So.BINDTODEVICE, "SO_BINDTODEVICE"), Early(Sockets.SOL_SOCKET, So.REUSEPORT, "SO_REUSEPORT"),
        Early(Inet.IPPROTO_TCP, Tcp.FASTOPEN_NO_COOKIE, "TCP_FASTOPEN_NO_COOKIE"),

        new(Inet.IPPROTO_TCP, Tcp.FASTOPEN, "TCP_FASTOPEN", OptionStage.Listener), new(Sockets.SOL_SOCKET, So.INCOMING_CPU, "SO_INCOMING_CPU", OptionStage.Listener),

        Late(Inet.IPPROTO_IP, Ip.TOS, "IP_TOS"), Late(Inet.IPPROTO_IP, Ip.TTL, "IP_TTL"), Late(Inet.IPPROTO_IP, Ip.OPTIONS, "IP_OPTIONS"), Late(Inet.IPPROTO_IP, Ip.RECVOPTS, "IP_RECVOPTS"),
        Late(Inet.IPPROTO_IP, Ip.RETOPTS, "IP_RETOPTS"), Late(Inet.IPPROTO_IP, Ip.PKTINFO, "IP_PKTINFO"), Late(Inet.IPPROTO_IP, Ip.MTU_DISCOVER, "IP_MTU_DISCOVER"),
        Late(Inet.IPPROTO_IP, Ip.RECVERR, "IP_RECVERR"), Late(Inet.IPPROTO_IP, Ip.RECVTTL, "IP_RECVTTL"), Late(Inet.IPPROTO_IP, Ip.RECVTOS, "IP_RECVTOS"),
        Late(Inet.IPPROTO_IP, Ip.RECVORIGDSTADDR, "IP_RECVORIGDSTADDR"), Late(Inet.IPPROTO_IP, Ip.MINTTL, "IP_MINTTL"), Late(Inet.IPPROTO_IP, Ip.CHECKSUM, "IP_CHECKSUM"),
        Late(Inet.IPPROTO_IP, Ip.RECVERR_RFC4884, "IP_RECVERR_RFC4884"), Late(Inet.IPPROTO_IP, Ip.UNICAST_IF, "IP_UNICAST_IF"),

        Late(Inet.IPPROTO_IPV6, Ipv6.UNICAST_HOPS, "IPV6_UNICAST_HOPS"), Late(Inet.IPPROTO_IPV6, Ipv6.MTU_DISCOVER, "IPV6_MTU_DISCOVER"), Late(Inet.IPPROTO_IPV6, Ipv6.RECVERR, "IPV6_RECVERR"),
        Late(Inet.IPPROTO_IPV6, Ipv6.FLOWINFO_SEND, "IPV6_FLOWINFO_SEND"), Late(Inet.IPPROTO_IPV6, Ipv6.RECVPKTINFO, "IPV6_RECVPKTINFO"),
        Late(Inet.IPPROTO_IPV6, Ipv6.RECVHOPLIMIT, "IPV6_RECVHOPLIMIT"),
        Late(Inet.IPPROTO_IPV6, Ipv6.RECVHOPOPTS, "IPV6_RECVHOPOPTS"), Late(Inet.IPPROTO_IPV6, Ipv6.RECVRTHDR, "IPV6_RECVRTHDR"), Late(Inet.IPPROTO_IPV6, Ipv6.RECVDSTOPTS, "IPV6_RECVDSTOPTS"),
        Late(Inet.IPPROTO_IPV6, Ipv6.RECVPATHMTU, "IPV6_RECVPATHMTU"), Late(Inet.IPPROTO_IPV6, Ipv6.DONTFRAG, "IPV6_DONTFRAG"), Late(Inet.IPPROTO_IPV6, Ipv6.RECVTCLASS, "IPV6_RECVTCLASS"),
        Late(Inet.IPPROTO_IPV6, Ipv6.TCLASS, "IPV6_TCLASS"), Late(Inet.IPPROTO_IPV6, Ipv6.AUTOFLOWLABEL, "IPV6_AUTOFLOWLABEL"), Late(Inet.IPPROTO_IPV6, Ipv6.ADDR_PREFERENCES, "IPV6_ADDR_PREFERENCES"),
        Late(Inet.IPPROTO_IPV6, Ipv6.MINHOPCOUNT, "IPV6_MINHOPCOUNT"), Late(Inet.IPPROTO_IPV6, Ipv6.RECVORIGDSTADDR, "IPV6_RECVORIGDSTADDR"),
        Late(Inet.IPPROTO_IPV6, Ipv6.UNICAST_IF, "IPV6_UNICAST_IF"),
        Late(Inet.IPPROTO_IPV6, Ipv6.RECVFRAGSIZE, "IPV6_RECVFRAGSIZE"),

        Late(Sockets.SOL_SOCKET, So.BROADCAST, "SO_BROADCAST"), Late(Sockets.SOL_SOCKET, So.NO_CHECK, "SO_NO_CHECK"), Late(Sockets.SOL_SOCKET, So.DEBUG, "SO_DEBUG"),
        Late(Sockets.SOL_SOCKET, So.DONTROUTE, "SO_DONTROUTE"), Late(Sockets.SOL_SOCKET, So.OOBINLINE, "SO_OOBINLINE"), Late(Sockets.SOL_SOCKET, So.PRIORITY, "SO_PRIORITY"),
        Late(Sockets.SOL_SOCKET, So.LINGER, "SO_LINGER"), Late(Sockets.SOL_SOCKET, So.RCVLOWAT, "SO_RCVLOWAT"), Late(Sockets.SOL_SOCKET, So.RCVTIMEO_OLD, "SO_RCVTIMEO_OLD"),
        Late(Sockets.SOL_SOCKET, So.SNDTIMEO_OLD, "SO_SNDTIMEO_OLD"),
        Late(Sockets.SOL_SOCKET, So.TIMESTAMP_OLD, "SO_TIMESTAMP_OLD"), Late(Sockets.SOL_SOCKET, So.TIMESTAMPNS_OLD, "SO_TIMESTAMPNS_OLD"), Late(Sockets.SOL_SOCKET, So.TIMESTAMP_NEW, "SO_TIMESTAMP_NEW"),
        Late(Sockets.SOL_SOCKET, So.TIMESTAMPNS_NEW, "SO_TIMESTAMPNS_NEW"), Late(Sockets.SOL_SOCKET, So.TIMESTAMPING_OLD, "SO_TIMESTAMPING_OLD"), Late(Sockets.SOL_SOCKET, So.RXQ_OVFL, "SO_RXQ_OVFL"),
        Late(Sockets.SOL_SOCKET, So.SELECT_ERR_QUEUE, "SO_SELECT_ERR_QUEUE"), Late(Sockets.SOL_SOCKET, So.BUSY_POLL, "SO_BUSY_POLL"), Late(Sockets.SOL_SOCKET, So.PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL"),
        Late(Sockets.SOL_SOCKET, So.BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET"), Late(Sockets.SOL_SOCKET, So.MAX_PACING_RATE, "SO_MAX_PACING_RATE"), Late(Sockets.SOL_SOCKET, So.ZEROCOPY, "SO_ZEROCOPY"),
        Late(Sockets.SOL_SOCKET, So.TXTIME, "SO_TXTIME"), Late(Sockets.SOL_SOCKET, So.TXREHASH, "SO_TXREHASH"), Late(Sockets.SOL_SOCKET, So.RCVMARK, "SO_RCVMARK"),
        Late(Sockets.SOL_SOCKET, So.PEEK_OFF, "SO_PEEK_OFF"),

        Late(Inet.IPPROTO_TCP, Tcp.CONGESTION, "TCP_CONGESTION"), Late(Inet.IPPROTO_TCP, Tcp.NODELAY, "TCP_NODELAY"), Late(Inet.IPPROTO_TCP, Tcp.KEEPIDLE, "TCP_KEEPIDLE"),
        Late(Inet.IPPROTO_TCP, Tcp.KEEPINTVL, "TCP_KEEPINTVL"), Late(Inet.IPPROTO_TCP, Tcp.KEEPCNT, "TCP_KEEPCNT"), Late(Inet.IPPROTO_TCP, Tcp.SYNCNT, "TCP_SYNCNT"),
        Late(Inet.IPPROTO_TCP, Tcp.LINGER2, "TCP_LINGER2"), Late(Inet.IPPROTO_TCP, Tcp.DEFER_ACCEPT, "TCP_DEFER_ACCEPT"), Late(Inet.IPPROTO_TCP, Tcp.QUICKACK, "TCP_QUICKACK"),
        Late(Inet.IPPROTO_TCP, Tcp.THIN_LINEAR_TIMEOUTS, "TCP_THIN_LINEAR_TIMEOUTS"), Late(Inet.IPPROTO_TCP, Tcp.USER_TIMEOUT, "TCP_USER_TIMEOUT"),
        Late(Inet.IPPROTO_TCP, Tcp.NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"), Late(Inet.IPPROTO_TCP, Tcp.SAVE_SYN, "TCP_SAVE_SYN"),
        Late(Inet.IPPROTO_TCP, Tcp.INQ, "TCP_INQ"), Late(Inet.IPPROTO_TCP, Tcp.TX_DELAY, "TCP_TX_DELAY"), Late(Inet.IPPROTO_TCP, Tcp.RTO_MAX_MS, "TCP_RTO_MAX_MS"),
        Late(Inet.IPPROTO_TCP, Tcp.RTO_MIN_US, "TCP_RTO_MIN_US"), Late(Inet.IPPROTO_TCP, Tcp.DELACK_MAX_US, "TCP_DELACK_MAX_US"),
    ];

    private static readonly Dictionary<(int Level, int Number), OptionRow> ByNumber = Rows.ToDictionary(r => (r.Level, r.Number));

    public static string NameOf(int level, int number) => ByNumber.TryGetValue((level, number), out var row) ? row.Name : $"option {number} of level {level}";

    /// <summary>One that is not known comes last.</summary>
    public static OptionStage StageOf(int level, int number) => ByNumber.TryGetValue((level, number), out var row) ? row.Stage : OptionStage.Late;

    private static OptionRow Early(int level, int number, string name) => new(level, number, name, OptionStage.Early);

    private static OptionRow Late(int level, int number, string name) => new(level, number, name, OptionStage.Late);
}
