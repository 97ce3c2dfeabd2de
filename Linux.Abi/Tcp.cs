using System.Runtime.InteropServices;

namespace Linux.Abi;

/// <summary>Options of SOL_TCP and what goes with them, linux/tcp.h.</summary>
internal static class Tcp
{
    public const int NODELAY = 1, MAXSEG = 2, CORK = 3, KEEPIDLE = 4, KEEPINTVL = 5, KEEPCNT = 6, SYNCNT = 7, LINGER2 = 8, DEFER_ACCEPT = 9, WINDOW_CLAMP = 10, INFO = 11,
        QUICKACK = 12, CONGESTION = 13, MD5SIG = 14, THIN_LINEAR_TIMEOUTS = 16, THIN_DUPACK = 17, USER_TIMEOUT = 18, REPAIR = 19, REPAIR_QUEUE = 20, QUEUE_SEQ = 21, REPAIR_OPTIONS = 22,
        FASTOPEN = 23, TIMESTAMP = 24, NOTSENT_LOWAT = 25, SAVE_SYN = 27, REPAIR_WINDOW = 29, FASTOPEN_CONNECT = 30, ULP = 31, MD5SIG_EXT = 32, FASTOPEN_NO_COOKIE = 34, INQ = 36, TX_DELAY = 37, AO_INFO = 40,
        RTO_MAX_MS = 44, RTO_MIN_US = 45, DELACK_MAX_US = 46;

    public const int MD5SIG_MAXKEYLEN = 80, MD5SIG_FLAG_PREFIX = 1;
    public const int REPAIR_ON = 1, REPAIR_OFF = 0, REPAIR_OFF_NO_WP = -1;
    public const int NO_QUEUE = 0, RECV_QUEUE = 1, SEND_QUEUE = 2;
}

/// <summary>Bits of tcpi_options in TCP_INFO, linux/tcp.h.</summary>
internal static class TcpInfoOptions
{
    public const int TIMESTAMPS = 1, SACK = 2, WSCALE = 4;
}

/// <summary>Option kinds as TCP itself has them, which TCP_REPAIR_OPTIONS takes: RFC 9293, 7323, 2018.</summary>
internal static class TcpOptionKind
{
    public const int Mss = 2, Window = 3, SackPermitted = 4, Timestamp = 8;
}

/// <summary>Options of SOL_SOCKET, asm-generic/socket.h.</summary>
internal static class So
{
    public const int DEBUG = 1, REUSEADDR = 2, TYPE = 3, ERROR = 4, DONTROUTE = 5, BROADCAST = 6, SNDBUF = 7, RCVBUF = 8, KEEPALIVE = 9, OOBINLINE = 10, NO_CHECK = 11, PRIORITY = 12, LINGER = 13, REUSEPORT = 15,
        PASSCRED = 16, PEERCRED = 17, RCVLOWAT = 18, RCVTIMEO_OLD = 20, SNDTIMEO_OLD = 21, BINDTODEVICE = 25, ATTACH_FILTER = 26, GET_FILTER = 26, DETACH_FILTER = 27, PEERNAME = 28, TIMESTAMP_OLD = 29,
        ACCEPTCONN = 30, SNDBUFFORCE = 32, RCVBUFFORCE = 33, PASSSEC = 34, TIMESTAMPNS_OLD = 35, MARK = 36, TIMESTAMPING_OLD = 37, PROTOCOL = 38, DOMAIN = 39, RXQ_OVFL = 40, PEEK_OFF = 42,
        LOCK_FILTER = 44, SELECT_ERR_QUEUE = 45, BUSY_POLL = 46, MAX_PACING_RATE = 47, INCOMING_CPU = 49, MEMINFO = 55, COOKIE = 57, PEERGROUPS = 59, ZEROCOPY = 60, TXTIME = 61, TIMESTAMP_NEW = 63, TIMESTAMPNS_NEW = 64,
        TIMESTAMPING_NEW = 65, PREFER_BUSY_POLL = 69, BUSY_POLL_BUDGET = 70, NETNS_COOKIE = 71, BUF_LOCK = 72, TXREHASH = 74, RCVMARK = 75, PASSPIDFD = 76, PASSRIGHTS = 83;
}

/// <summary>Options of SOL_IP, linux/in.h.</summary>
internal static class Ip
{
    public const int TOS = 1, TTL = 2, HDRINCL = 3, OPTIONS = 4, RECVOPTS = 6, RETOPTS = 7, PKTINFO = 8, MTU_DISCOVER = 10, RECVERR = 11, RECVTTL = 12, RECVTOS = 13, FREEBIND = 15, TRANSPARENT = 19,
        RECVORIGDSTADDR = 20, MINTTL = 21, NODEFRAG = 22, CHECKSUM = 23, BIND_ADDRESS_NO_PORT = 24, RECVFRAGSIZE = 25, RECVERR_RFC4884 = 26, MULTICAST_IF = 32, MULTICAST_TTL = 33, MULTICAST_LOOP = 34,
        MULTICAST_ALL = 49, UNICAST_IF = 50, LOCAL_PORT_RANGE = 51;
}

/// <summary>Options of SOL_IPV6, linux/in6.h.</summary>
internal static class Ipv6
{
    public const int CHECKSUM = 7, UNICAST_HOPS = 16, MULTICAST_IF = 17, MULTICAST_HOPS = 18, MULTICAST_LOOP = 19, MTU_DISCOVER = 23, RECVERR = 25, V6ONLY = 26,
        MULTICAST_ALL = 29, RECVERR_RFC4884 = 31, FLOWINFO_SEND = 33, HDRINCL = 36, RECVPKTINFO = 49, RECVHOPLIMIT = 51, RECVHOPOPTS = 53, RECVRTHDR = 56,
        RECVDSTOPTS = 58, RECVPATHMTU = 60, DONTFRAG = 62, RECVTCLASS = 66, TCLASS = 67, AUTOFLOWLABEL = 70, ADDR_PREFERENCES = 72, MINHOPCOUNT = 73, RECVORIGDSTADDR = 74,
        TRANSPARENT = 75, UNICAST_IF = 76, RECVFRAGSIZE = 77, FREEBIND = 78;
}

/// <summary>Options of SOL_UDP and SOL_UDPLITE, linux/udp.h, net/udplite.h.</summary>
internal static class UdpOption
{
    public const int CORK = 1, LITE_SEND_CSCOV = 10, LITE_RECV_CSCOV = 11, ENCAP = 100, NO_CHECK6_TX = 101, NO_CHECK6_RX = 102, SEGMENT = 103, GRO = 104;
}

/// <summary>Options of SOL_RAW and SOL_ICMPV6, linux/icmp.h, linux/icmpv6.h.</summary>
internal static class RawOption
{
    public const int SOL_RAW = 255, ICMP_FILTER = 1, ICMPV6_FILTER = 1;
}

/// <summary>Levels and requests of inet sockets: netinet/in.h, asm/ioctls.h, linux/sockios.h.</summary>
internal static class Inet
{
    public const int IPPROTO_IP = 0, IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_IPV6 = 41, IPPROTO_ICMPV6 = 58, IPPROTO_UDPLITE = 136, IPPROTO_MPTCP = 262;
    public const int FIONREAD = 0x541b, TIOCOUTQ = 0x5411, SIOCOUTQNSD = 0x894b, SIOCGSKNS = 0x894c, SIOCGIFNAME = 0x8910, SIOCGIFINDEX = 0x8933;
}

/// <summary>struct tcp_repair_opt, linux/tcp.h.</summary>
internal struct TcpRepairOption
{
    public uint Code, Value;
}

/// <summary>struct tcp_repair_window, linux/tcp.h: the peer's window as we know it, and ours as we told it.</summary>
internal struct TcpRepairWindow
{
    public uint SendWl1, SendWindow, MaxWindow, ReceiveWindow, ReceiveWindowUpdate;
}

/// <summary>struct tcp_md5sig, linux/tcp.h: a key for a peer, whose address is a sockaddr.</summary>
internal unsafe struct TcpMd5Signature
{
    public fixed byte Address[128];
    public byte Flags, PrefixLength;
    public ushort KeyLength;
    public int Interface;
    public fixed byte Key[Tcp.MD5SIG_MAXKEYLEN];
}

/// <summary>struct tcp_diag_md5sig, linux/tcp.h: the same as sock_diag tells it; the address in network order.</summary>
internal unsafe struct TcpDiagMd5
{
    public byte Family, PrefixLength;
    public ushort KeyLength;
    public fixed byte Address[16];
    public fixed byte Key[Tcp.MD5SIG_MAXKEYLEN];

    public const int Size = 100;
}

/// <summary>struct sockaddr_in, netinet/in.h. Port and address are in network order.</summary>
internal struct SockaddrIn
{
    public ushort Family, Port;
    public uint Address;
    public ulong Zero;
}

/// <summary>struct sockaddr_in6, netinet/in.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SockaddrIn6
{
    public ushort Family, Port;
    public uint FlowInfo;
    public fixed byte Address[16];
    public uint Scope;
}
