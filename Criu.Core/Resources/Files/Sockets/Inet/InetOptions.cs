using System.Runtime.InteropServices;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Options of inet sockets, as the image has them twice: the few that CRIU knows, in fields of their own, and every one that differs from a new socket's, as level, number and
/// value. Where the second are there, the first are among them.
/// </summary>
internal static class InetOptions
{
    /// <summary>What differs from a new socket of the same kind.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="entry">Its family, type and protocol.</param>
    /// <param name="ofNew">Those of new sockets that are known already, in this network namespace.</param>
    public static IEnumerable<SocketOptionEntry> ReadAll(SafeHandle socket, InetSkEntry entry, Dictionary<(uint, uint, uint), byte[]?[]> ofNew)
    {
        var kind = (entry.Family, entry.Type, entry.Proto);
        if (!ofNew.TryGetValue(kind, out byte[]?[]? usual))
            ofNew[kind] = usual = ValuesOfNew(entry);
        return SocketDifferences.Read(socket, InetOptionTable.Numbers, usual);
    }

    /// <summary>Null where such a socket does not have the option.</summary>
    private static byte[]?[] ValuesOfNew(InetSkEntry entry)
    {
        long fd = Kernel.Call(Nr.socket, entry.Family, entry.Type | Sockets.SOCK_CLOEXEC, entry.Proto);
        if (Kernel.Failed(fd))
            throw new CheckpointException($"a socket of family {entry.Family}, type {entry.Type}, protocol {entry.Proto} cannot be made to compare options with: {Errno.Name(fd)}",
                "Run with CAP_NET_RAW for raw sockets; for ping sockets with a group of net.ipv4.ping_group_range");
        using var fresh = Kernel.Own(fd);
        return SocketDifferences.ValuesOf(fresh, InetOptionTable.Numbers);
    }

    /// <summary>CRIU's fields of level IP.</summary>
    public static IpOptsEntry ReadIp(SafeHandle socket, InetSkEntry entry)
    {
        bool isV6 = entry.Family == Sockets.AF_INET6;
        var options = new IpOptsEntry();
        if (Value(socket, isV6 ? Inet.IPPROTO_IPV6 : Inet.IPPROTO_IP, isV6 ? Ipv6.FREEBIND : Ip.FREEBIND) != 0)
            options.Freebind = true;
        if (Value(socket, isV6 ? Inet.IPPROTO_IPV6 : Inet.IPPROTO_IP, isV6 ? Ipv6.RECVPKTINFO : Ip.PKTINFO) != 0)
            options.Pktinfo = true;
        if (!isV6 && Value(socket, Inet.IPPROTO_IP, Ip.TOS) is not 0 and var tos)
            options.Tos = (uint)tos;
        if (!isV6 && Value(socket, Inet.IPPROTO_IP, Ip.TTL) is not 0 and var ttl)
            options.Ttl = (uint)ttl;
        if (entry.Type == Sockets.SOCK_RAW)
            options.Raw = ReadRaw(socket, entry);
        return options;
    }

    private static IpOptsRawEntry ReadRaw(SafeHandle socket, InetSkEntry entry)
    {
        bool isV6 = entry.Family == Sockets.AF_INET6;
        var options = new IpOptsRawEntry();
        if (Value(socket, isV6 ? Inet.IPPROTO_IPV6 : Inet.IPPROTO_IP, isV6 ? Ipv6.HDRINCL : Ip.HDRINCL) != 0)
            options.Hdrincl = true;
        if (!isV6 && Value(socket, Inet.IPPROTO_IP, Ip.NODEFRAG) != 0)
            options.Nodefrag = true;
        Span<uint> filter = stackalloc uint[isV6 ? 8 : 1];          // struct icmp6_filter, struct icmp_filter
        if (!IsIcmp(entry) || Kernel.Failed(SocketCall.Get(socket, IcmpLevel(isV6), RawOption.ICMP_FILTER, MemoryMarshal.AsBytes(filter))))
            return options;
        foreach (uint word in filter)
            options.IcmpvFilter.Add(word);
        return options;
    }

    private static bool IsIcmp(InetSkEntry entry) => entry.Proto == (entry.Family == Sockets.AF_INET6 ? Inet.IPPROTO_ICMPV6 : Inet.IPPROTO_ICMP);

    private static int IcmpLevel(bool isV6) => isV6 ? Inet.IPPROTO_ICMPV6 : RawOption.SOL_RAW;

    /// <summary>CRIU's fields of level TCP.</summary>
    public static TcpOptsEntry ReadTcp(SafeHandle socket)
    {
        var options = new TcpOptsEntry();
        if (Value(socket, Inet.IPPROTO_TCP, Tcp.NODELAY) != 0)
            options.Nodelay = true;
        if (Value(socket, Inet.IPPROTO_TCP, Tcp.CORK) != 0)
            options.Cork = true;
        options.Keepcnt = (uint)Value(socket, Inet.IPPROTO_TCP, Tcp.KEEPCNT);
        options.Keepidle = (uint)Value(socket, Inet.IPPROTO_TCP, Tcp.KEEPIDLE);
        options.Keepintvl = (uint)Value(socket, Inet.IPPROTO_TCP, Tcp.KEEPINTVL);
        return options;
    }

    public static int Value(SafeHandle socket, int level, int option) => Kernel.Failed(SocketCall.Get(socket, level, option, out int value)) ? 0 : value;

    /// <summary>
    /// Everything that is to be set, but for what a restore uses itself: buffers and their locks, REUSEADDR, filters; of TCP also KEEPALIVE, CORK and MAXSEG. Those of IP come first: IP_TOS
    /// changes SO_PRIORITY.
    /// </summary>
    public static IReadOnlyList<SocketOptionEntry> Wanted(InetSkEntry entry) => entry.Extras != null ? entry.Extras.Options : [.. OfIp(entry), .. OfSocket(entry), .. OfTcp(entry)];

    private static IEnumerable<SocketOptionEntry> OfSocket(InetSkEntry entry)
    {
        var options = entry.Opts;
        // A raw socket has its protocol for a port from the beginning, and nothing that has a port takes this option (EINVAL).
        if (entry is { Family: Sockets.AF_INET6, HasV6Only: true, Type: not Sockets.SOCK_RAW })
            yield return Number(Inet.IPPROTO_IPV6, Ipv6.V6ONLY, entry.V6Only ? 1 : 0);
        foreach (var (number, value, usual) in ((int, uint, uint)[])
        [
            (So.MARK, options.SoMark, 0), (So.REUSEPORT, Bit(options.SoReuseport), 0), (So.BROADCAST, Bit(options.SoBroadcast), 0), (So.DONTROUTE, Bit(options.SoDontroute), 0),
            (So.NO_CHECK, Bit(options.SoNoCheck), 0), (So.OOBINLINE, options.SoOobinline, 0), (So.PRIORITY, options.SoPriority, 0), (So.RCVLOWAT, options.SoRcvlowat, 1),
        ])
            if (value != usual && !(number == So.RCVLOWAT && value == 0))
                yield return Number(Sockets.SOL_SOCKET, number, (int)value);
        if (entry.Proto != Inet.IPPROTO_TCP && options.SoKeepalive)
            yield return Number(Sockets.SOL_SOCKET, So.KEEPALIVE, 1);
        if (options.HasSoBoundDev && !options.SoBoundDev.IsEmpty)
            yield return Entry(Sockets.SOL_SOCKET, So.BINDTODEVICE, options.SoBoundDev.Span);
        if (options.HasSoLinger)
            yield return Entry(Sockets.SOL_SOCKET, So.LINGER, MemoryMarshal.AsBytes<int>([1, (int)options.SoLinger]));
        foreach (var (number, seconds, microseconds) in ((int, ulong, ulong)[])
            [(So.SNDTIMEO_OLD, options.SoSndTmoSec, options.SoSndTmoUsec), (So.RCVTIMEO_OLD, options.SoRcvTmoSec, options.SoRcvTmoUsec)])
            if ((seconds | microseconds) != 0)
                yield return Entry(Sockets.SOL_SOCKET, number, MemoryMarshal.AsBytes<ulong>([seconds, microseconds]));
    }

    private static IEnumerable<SocketOptionEntry> OfIp(InetSkEntry entry)
    {
        if (entry.IpOpts is not { } options)
            yield break;
        bool isV6 = entry.Family == Sockets.AF_INET6;
        int level = isV6 ? Inet.IPPROTO_IPV6 : Inet.IPPROTO_IP;
        if (options.Freebind)
            yield return Number(level, isV6 ? Ipv6.FREEBIND : Ip.FREEBIND, 1);
        if (options.Pktinfo)
            yield return Number(level, isV6 ? Ipv6.RECVPKTINFO : Ip.PKTINFO, 1);
        if (options.Tos != 0)
            yield return Number(Inet.IPPROTO_IP, Ip.TOS, (int)options.Tos);
        if (options.Ttl != 0)
            yield return Number(Inet.IPPROTO_IP, Ip.TTL, (int)options.Ttl);
        if (options.Raw is not { } raw)
            yield break;
        if (raw.Hdrincl)
            yield return Number(level, isV6 ? Ipv6.HDRINCL : Ip.HDRINCL, 1);
        if (raw.Nodefrag)
            yield return Number(Inet.IPPROTO_IP, Ip.NODEFRAG, 1);
        if (raw.IcmpvFilter.Count > 0 && IsIcmp(entry))
            yield return Entry(IcmpLevel(isV6), RawOption.ICMP_FILTER, MemoryMarshal.AsBytes<uint>([.. raw.IcmpvFilter]));
    }

    private static IEnumerable<SocketOptionEntry> OfTcp(InetSkEntry entry)
    {
        if (entry.TcpOpts is not { } options || entry.Proto != Inet.IPPROTO_TCP || entry.Type == Sockets.SOCK_RAW)
            yield break;
        if (options.Nodelay)
            yield return Number(Inet.IPPROTO_TCP, Tcp.NODELAY, 1);
        foreach (var (number, value) in ((int, uint)[])[(Tcp.KEEPCNT, options.Keepcnt), (Tcp.KEEPIDLE, options.Keepidle), (Tcp.KEEPINTVL, options.Keepintvl)])
            if (value != 0)
                yield return Number(Inet.IPPROTO_TCP, number, (int)value);
    }

    private static uint Bit(bool value) => value ? 1u : 0;

    public static SocketOptionEntry Number(int level, int number, int value) => Entry(level, number, BitConverter.GetBytes(value));

    private static SocketOptionEntry Entry(int level, int number, ReadOnlySpan<byte> value) => SocketDifferences.Entry(level, number, value);

    public static string NameOf(SocketOptionEntry option) => new Soccr.TcpSocketOption((int)option.Level, (int)option.Number, []).Name;
}
