using System.Numerics;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// In which members of its structures the kernel keeps the options of a TCP socket, as far as this kernel has them by these names. An option of which one member is missing
/// is not known, and is asked for. Bits of flags go by the names of their enumerators: they have moved, and more of them have come, from version to version.
/// </summary>
internal sealed class SocketFields
{
    private const string Flags = "sock.__sk_common.skc_flags:", InetFlags = "inet_sock.inet_flags:", Common = "sock.__sk_common.", Connection = "inet_connection_sock.";
    private const string OfIPv6 = "ipv6_pinfo.", Received = OfIPv6 + "rxopt";

    private static readonly (int Level, int Number, string[] Fields)[] Rows =
    [
        Ip4(Ip.FREEBIND, InetFlags + "INET_FLAGS_FREEBIND"), Ip4(Ip.TRANSPARENT, InetFlags + "INET_FLAGS_TRANSPARENT"), Ip4(Ip.BIND_ADDRESS_NO_PORT, InetFlags + "INET_FLAGS_BIND_ADDRESS_NO_PORT"),
        Ip4(Ip.LOCAL_PORT_RANGE, "inet_sock.local_port_range"), Ip4(Ip.TOS, "inet_sock.tos"), Ip4(Ip.TTL, "inet_sock.uc_ttl"), Ip4(Ip.OPTIONS, "inet_sock.inet_opt"),
        Ip4(Ip.RECVOPTS, InetFlags + "INET_FLAGS_RECVOPTS"), Ip4(Ip.RETOPTS, InetFlags + "INET_FLAGS_RETOPTS"), Ip4(Ip.PKTINFO, InetFlags + "INET_FLAGS_PKTINFO"),
        Ip4(Ip.MTU_DISCOVER, "inet_sock.pmtudisc"), Ip4(Ip.RECVERR, InetFlags + "INET_FLAGS_RECVERR"), Ip4(Ip.RECVTTL, InetFlags + "INET_FLAGS_TTL"), Ip4(Ip.RECVTOS, InetFlags + "INET_FLAGS_TOS"),
        Ip4(Ip.RECVORIGDSTADDR, InetFlags + "INET_FLAGS_ORIGDSTADDR"), Ip4(Ip.MINTTL, "inet_sock.min_ttl"), Ip4(Ip.CHECKSUM, InetFlags + "INET_FLAGS_CHECKSUM"),
        Ip4(Ip.RECVERR_RFC4884, InetFlags + "INET_FLAGS_RECVERR_RFC4884"), Ip4(Ip.UNICAST_IF, "inet_sock.uc_index"),

        Ip6(Ipv6.V6ONLY, Common + "skc_ipv6only"), Ip6(Ipv6.FREEBIND, InetFlags + "INET_FLAGS_FREEBIND"), Ip6(Ipv6.TRANSPARENT, InetFlags + "INET_FLAGS_TRANSPARENT"),
        Ip6(Ipv6.UNICAST_HOPS, "ipv6_pinfo.hop_limit"), Ip6(Ipv6.MTU_DISCOVER, "ipv6_pinfo.pmtudisc"), Ip6(Ipv6.RECVERR, InetFlags + "INET_FLAGS_RECVERR6"),
        Ip6(Ipv6.FLOWINFO_SEND, InetFlags + "INET_FLAGS_SNDFLOW"), Ip6(Ipv6.RECVPKTINFO, Received), Ip6(Ipv6.RECVHOPLIMIT, Received), Ip6(Ipv6.RECVHOPOPTS, Received),
        Ip6(Ipv6.RECVRTHDR, Received), Ip6(Ipv6.RECVDSTOPTS, Received), Ip6(Ipv6.RECVPATHMTU, Received), Ip6(Ipv6.DONTFRAG, InetFlags + "INET_FLAGS_DONTFRAG"), Ip6(Ipv6.RECVTCLASS, Received),
        Ip6(Ipv6.TCLASS, "ipv6_pinfo.tclass"), Ip6(Ipv6.AUTOFLOWLABEL, InetFlags + "INET_FLAGS_AUTOFLOWLABEL", InetFlags + "INET_FLAGS_AUTOFLOWLABEL_SET"),
        Ip6(Ipv6.ADDR_PREFERENCES, "ipv6_pinfo.srcprefs"), Ip6(Ipv6.MINHOPCOUNT, "ipv6_pinfo.min_hopcount"), Ip6(Ipv6.RECVORIGDSTADDR, Received), Ip6(Ipv6.UNICAST_IF, "ipv6_pinfo.ucast_oif"),
        Ip6(Ipv6.RECVFRAGSIZE, Received),

        Socket(So.MARK, "sock.sk_mark"), Socket(So.BINDTODEVICE, Common + "skc_bound_dev_if"), Socket(So.REUSEADDR, Common + "skc_reuse"), Socket(So.REUSEPORT, Common + "skc_reuseport"),
        Socket(So.BROADCAST, Flags + "SOCK_BROADCAST"), Socket(So.NO_CHECK, "sock.sk_no_check_tx"), Socket(So.DEBUG, Flags + "SOCK_DBG"), Socket(So.DONTROUTE, Flags + "SOCK_LOCALROUTE"),
        Socket(So.OOBINLINE, Flags + "SOCK_URGINLINE"), Socket(So.PRIORITY, "sock.sk_priority"), Socket(So.LINGER, Flags + "SOCK_LINGER", "sock.sk_lingertime"), Socket(So.RCVLOWAT, "sock.sk_rcvlowat"),
        Socket(So.RCVTIMEO_OLD, "sock.sk_rcvtimeo"), Socket(So.SNDTIMEO_OLD, "sock.sk_sndtimeo"), Stamps(So.TIMESTAMP_OLD), Stamps(So.TIMESTAMPNS_OLD), Stamps(So.TIMESTAMP_NEW), Stamps(So.TIMESTAMPNS_NEW),
        Socket(So.TIMESTAMPING_OLD, "sock.sk_tsflags", "sock.sk_bind_phc"), Socket(So.RXQ_OVFL, Flags + "SOCK_RXQ_OVFL"), Socket(So.SELECT_ERR_QUEUE, Flags + "SOCK_SELECT_ERR_QUEUE"),
        Socket(So.BUSY_POLL, "sock.sk_ll_usec"), Socket(So.PREFER_BUSY_POLL, "sock.sk_prefer_busy_poll"), Socket(So.BUSY_POLL_BUDGET, "sock.sk_busy_poll_budget"),
        Socket(So.MAX_PACING_RATE, "sock.sk_max_pacing_rate"), Socket(So.ZEROCOPY, Flags + "SOCK_ZEROCOPY"), Socket(So.TXTIME, Flags + "SOCK_TXTIME"), Socket(So.TXREHASH, "sock.sk_txrehash"),
        Socket(So.RCVMARK, Flags + "SOCK_RCVMARK"), Socket(So.PEEK_OFF, "sock.sk_peek_off"), Socket(So.KEEPALIVE, Flags + "SOCK_KEEPOPEN"), Socket(So.BUF_LOCK, "sock.sk_userlocks&3"),

        Tcp4(Tcp.CONGESTION, Connection + "icsk_ca_ops"), Tcp4(Tcp.NODELAY, "tcp_sock.nonagle"), Tcp4(Tcp.CORK, "tcp_sock.nonagle"), Tcp4(Tcp.KEEPIDLE, "tcp_sock.keepalive_time"),
        Tcp4(Tcp.KEEPINTVL, "tcp_sock.keepalive_intvl"), Tcp4(Tcp.KEEPCNT, "tcp_sock.keepalive_probes"), Tcp4(Tcp.SYNCNT, Connection + "icsk_syn_retries"), Tcp4(Tcp.LINGER2, "tcp_sock.linger2"),
        Tcp4(Tcp.DEFER_ACCEPT, Connection + "icsk_accept_queue.rskq_defer_accept"), Tcp4(Tcp.QUICKACK, Connection + "icsk_ack.pingpong"), Tcp4(Tcp.THIN_LINEAR_TIMEOUTS, "tcp_sock.thin_lto"),
        Tcp4(Tcp.USER_TIMEOUT, Connection + "icsk_user_timeout"), Tcp4(Tcp.NOTSENT_LOWAT, "tcp_sock.notsent_lowat"), Tcp4(Tcp.SAVE_SYN, "tcp_sock.save_syn"), Tcp4(Tcp.INQ, "tcp_sock.recvmsg_inq"),
        Tcp4(Tcp.TX_DELAY, "tcp_sock.tcp_tx_delay"), Tcp4(Tcp.RTO_MAX_MS, Connection + "icsk_rto_max"), Tcp4(Tcp.RTO_MIN_US, Connection + "icsk_rto_min"),
        Tcp4(Tcp.DELACK_MAX_US, Connection + "icsk_delack_max"), Tcp4(Tcp.FASTOPEN_NO_COOKIE, "tcp_sock.fastopen_no_cookie"),
        Tcp4(Tcp.MD5SIG, "tcp_sock.md5sig_info"), Tcp4(Tcp.AO_INFO, "tcp_sock.ao_info"), Tcp4(Tcp.ULP, Connection + "icsk_ulp_ops"),
    ];

    private readonly Dictionary<(int Level, int Number), RecordBits[]> options = [];
    private readonly RecordBits[][] ofRows;
    private readonly ulong[] pattern;                   // of a record: all bits in which options are kept
    private readonly bool hasAll;

    public SocketFields(KernelTypes types)
    {
        Layout = new RecordLayout(types, [.. Rows.SelectMany(r => r.Fields).Select(MemberOf), .. IdentityFields.Paths]);
        Identity = IdentityFields.TryFind(Layout);
        var enumerators = types.Enumerators("SOCK_", "INET_FLAGS_");
        foreach (var (level, number, fields) in Rows)
        {
            RecordBits?[] all = Array.ConvertAll(fields, field => Locate(field, enumerators));
            if (all.All(p => p != null))
                options.Add((level, number), Array.ConvertAll(all, p => p!.Value));
        }
        ofRows = Array.ConvertAll(OptionTable.Rows, row => Of(row.Level, row.Number));
        hasAll = OptionTable.Rows.Where(r => r.Stage != OptionStage.Listener).All(r => Of(r.Level, r.Number).Length > 0) && Of(Sockets.SOL_SOCKET, So.BUF_LOCK).Length > 0;
        pattern = new ulong[Layout.Size / sizeof(ulong)];
        foreach (var (option, all) in options)
            if (option != Private)
                Array.ForEach(all, AddToPattern);
        hasAll &= Identity != null;
        foreach (var bits in Identity?.OfPattern ?? [])
            AddToPattern(bits);
    }

    private void AddToPattern(RecordBits bits)
    {
        const int Width = 8 * sizeof(ulong);
        var (word, shift) = (bits.Place / sizeof(ulong), bits.Place % sizeof(ulong) * 8);
        pattern[word] |= bits.Mask << shift;
        if (shift > 0 && bits.Mask >> (Width - shift) is not 0 and var rest)
            pattern[word + 1] |= rest;
    }

    /// <summary>
    /// Whether two sockets have the same options, but for <see cref="Private"/>: all bits in which the kernel keeps options are the same, and the family, and O_NONBLOCK. Never true where it is not known of one option
    /// where it is kept; options of listeners are left out.
    /// </summary>
    public bool AreAlike(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        ReadOnlySpan<ulong> a = MemoryMarshal.Cast<byte, ulong>(one), b = MemoryMarshal.Cast<byte, ulong>(other);
        ulong different = 0;
        for (int i = 0; i < pattern.Length; i++)
            different |= (a[i] ^ b[i]) & pattern[i];
        return hasAll && different == 0;
    }

    /// <summary>An option that is kept behind a pointer, which is each socket's own.</summary>
    public static (int Level, int Number) Private => (Inet.IPPROTO_IP, Ip.OPTIONS);

    public RecordLayout Layout { get; }

    /// <summary>Null where one of them is missing.</summary>
    public IdentityFields? Identity { get; }

    private static string MemberOf(string field) => field.Split(':', '&')[0];

    /// <summary>A member, or of one that is flags a bit by its name, or its lowest bits.</summary>
    private RecordBits? Locate(string field, Dictionary<string, int> enumerators)
    {
        string path = MemberOf(field);
        if (Layout.Find(path) is not { Mask: not 0 } whole)
            return null;
        if (path == field)
            return whole;
        string bits = field[(path.Length + 1)..];
        if (ulong.TryParse(bits, out ulong lowest))
            return new RecordBits(whole.Place, lowest << BitOperations.TrailingZeroCount(whole.Mask) & whole.Mask);
        return enumerators.TryGetValue(bits, out int bit) && bit < BitOperations.PopCount(whole.Mask) ? new RecordBits(whole.Place, 1UL << bit) : null;
    }

    /// <summary>Where an option is; empty where that is not known.</summary>
    public RecordBits[] Of(int level, int number) => options.GetValueOrDefault((level, number), []);

    /// <summary>The same for a row of <see cref="OptionTable.Rows"/>.</summary>
    public RecordBits[] OfRow(int row) => ofRows[row];

    private static (int, int, string[]) Ip4(int number, params string[] fields) => (Inet.IPPROTO_IP, number, fields);

    private static (int, int, string[]) Ip6(int number, params string[] fields) => (Inet.IPPROTO_IPV6, number, fields);

    private static (int, int, string[]) Socket(int number, params string[] fields) => (Sockets.SOL_SOCKET, number, fields);

    private static (int, int, string[]) Tcp4(int number, params string[] fields) => (Inet.IPPROTO_TCP, number, fields);

    private static (int, int, string[]) Stamps(int number) => Socket(number, Flags + "SOCK_RCVTSTAMP", Flags + "SOCK_RCVTSTAMPNS", Flags + "SOCK_TSTAMP_NEW");
}
