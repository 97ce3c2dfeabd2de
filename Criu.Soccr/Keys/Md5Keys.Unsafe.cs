using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Keys of TCP_MD5SIG. No call on a socket tells them: sock_diag does, to who has CAP_NET_ADMIN, about the sockets of the namespace that it was asked in. To others it says
/// nothing of them.
/// </summary>
internal static unsafe class Md5Keys
{
    /// <summary>The keys come only to who asks for TCP_INFO too.</summary>
    public const byte WithInfo = 1 << (SockDiag.INET_DIAG_INFO - 1);

    private static readonly Lazy<bool> Exist = new(() => Probe() != -Errno.ENOPROTOOPT);

    /// <summary>All keys of a socket.</summary>
    /// <param name="socket">A TCP socket.</param>
    /// <param name="diagnosis">Whom it asks.</param>
    /// <param name="keys">All of them.</param>
    /// <returns>0, or -errno.</returns>
    public static long TryRead(SafeHandle socket, SocketDiagnosis diagnosis, out ImmutableArray<TcpMd5Key> keys)
    {
        keys = [];
        var calls = new SocketCalls((int)socket.DangerousGetHandle(), "");
        if (!Exist.Value || diagnosis.KnowsWithoutKeys(calls) || !calls.TryName(out var local) || local.Port == 0)
            return 0;
        bool isConnected = calls.TryPeerName(local, out var remote);
        var state = SocketIdentity.ReadState(calls);
        if (state is TcpState.Close or TcpState.TimeWait)
            return 0;                                   // nothing is sent any more, and sock_diag does not find it
        var request = new InetDiagRequest { Family = (byte)local.Family, Protocol = Inet.IPPROTO_TCP, Extensions = WithInfo, States = uint.MaxValue, SourcePort = local.Port };
        calls.TryGet(Sockets.SOL_SOCKET, So.COOKIE, out ulong cookie);
        (request.Cookie0, request.Cookie1) = ((uint)cookie, (uint)(cookie >> 32));
        local.AddressTo(new Span<byte>(request.Source, 16));
        if (isConnected)
        {
            request.DestinationPort = remote.Port;
            remote.AddressTo(new Span<byte>(request.Destination, 16));
            request.Interface = remote.Scope;
        }
        if (state == TcpState.Listen)
            request.States = 1u << (int)TcpState.Listen;
        long result = Ask(diagnosis, calls, request, out keys);
        return Kernel.Failed(result) && SocketIdentity.ReadState(calls) is (TcpState.Close or TcpState.TimeWait) ? 0 : result;      // it ended meanwhile
    }

    /// <summary>A connection is found by its ends. Listeners may be several with the same: all are asked for.</summary>
    private static long Ask(SocketDiagnosis diagnosis, SocketCalls calls, in InetDiagRequest request, out ImmutableArray<TcpMd5Key> keys)
    {
        keys = [];
        long result = diagnosis.Ask(calls, request, isDump: request.States != uint.MaxValue, out var answers);
        if (Kernel.Failed(result))
            return result;
        foreach (byte[] answer in answers)
        {
            var about = MemoryMarshal.Read<InetDiagMessage>(answer);
            if ((about.Cookie0, about.Cookie1) != (request.Cookie0, request.Cookie1))
                continue;
            keys = Parse(answer.AsSpan(InetDiagMessage.Size));
            return 0;
        }
        return -Errno.ENOENT;
    }

    /// <summary>The keys among the attributes of one socket.</summary>
    public static ImmutableArray<TcpMd5Key> Parse(ReadOnlySpan<byte> attributes)
    {
        while (attributes.Length >= sizeof(NetlinkAttribute))
        {
            var attribute = MemoryMarshal.Read<NetlinkAttribute>(attributes);
            int length = Math.Clamp(attribute.Length, sizeof(NetlinkAttribute), attributes.Length);
            if (attribute.Type == SockDiag.INET_DIAG_MD5SIG)
                return ParseKeys(attributes[sizeof(NetlinkAttribute)..length]);
            attributes = attributes[Math.Min(attributes.Length, length + 3 & ~3)..];
        }
        return [];
    }

    /// <summary>Several of struct tcp_diag_md5sig. The kernel leaves room for keys that went meanwhile: all 0.</summary>
    public static ImmutableArray<TcpMd5Key> ParseKeys(ReadOnlySpan<byte> bytes)
    {
        var keys = ImmutableArray.CreateBuilder<TcpMd5Key>();
        for (; bytes.Length >= TcpDiagMd5.Size; bytes = bytes[TcpDiagMd5.Size..])
        {
            var one = MemoryMarshal.Read<TcpDiagMd5>(bytes);
            if (one.Family is not (Sockets.AF_INET or Sockets.AF_INET6) || one.KeyLength > Tcp.MD5SIG_MAXKEYLEN)
                continue;
            var address = new IPAddress(new ReadOnlySpan<byte>(one.Address, one.Family == Sockets.AF_INET ? 4 : 16));
            keys.Add(new TcpMd5Key(address, one.PrefixLength, [.. new ReadOnlySpan<byte>(one.Key, one.KeyLength)]));
        }
        return keys.ToImmutable();
    }

    /// <summary>A key for those peers; an IPv6 socket takes those of IPv4 by mapped addresses.</summary>
    /// <returns>0, or -errno.</returns>
    public static long Set(SocketCalls calls, TcpMd5Key key, bool isIPv6)
    {
        bool isMapped = isIPv6 && !key.IsIPv6;
        var signature = new TcpMd5Signature { Flags = Tcp.MD5SIG_FLAG_PREFIX, PrefixLength = (byte)(key.PrefixLength + (isMapped ? 96 : 0)), KeyLength = (ushort)key.Key.Length };
        SocketAddress.Of(new IPEndPoint(isMapped ? key.Address.MapToIPv6() : key.Address, 0)).ToBytes().CopyTo(new Span<byte>(signature.Address, 128));
        key.Key.AsSpan().CopyTo(new Span<byte>(signature.Key, Tcp.MD5SIG_MAXKEYLEN));
        bool isOne = key.PrefixLength == (key.IsIPv6 ? 128 : 32);
        if (isOne)
            signature.Flags = 0;                        // TCP_MD5SIG_EXT is of Linux 4.13
        return calls.TrySet(Inet.IPPROTO_TCP, isOne ? Tcp.MD5SIG : Tcp.MD5SIG_EXT, MemoryMarshal.AsBytes(new ReadOnlySpan<TcpMd5Signature>(in signature)));
    }

    private static long Probe()
    {
        using var socket = Kernel.Own(Kernel.Call(Nr.socket, Sockets.AF_INET, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_TCP));
        return Set(new SocketCalls(socket.Fd(), ""), new TcpMd5Key(IPAddress.Loopback, 32, []), isIPv6: false);         // removes a key that is not there: ENOENT
    }
}
