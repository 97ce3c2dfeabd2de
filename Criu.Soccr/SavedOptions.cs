using System.Collections.Immutable;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>The options of a socket, read before repair mode changes some of them.</summary>
internal sealed record SavedOptions
{
    private const int Longest = 64;                     // bytes

    private static readonly Lazy<byte[]?[]> NewV4 = new(() => ValuesOfNew(Inet.AF_INET)), NewV6 = new(() => ValuesOfNew(Inet.AF_INET6));

    public bool ReuseAddress { get; private init; }
    public bool KeepAlive { get; private init; }
    public bool Cork { get; private init; }
    public bool IsNonBlocking { get; private init; }
    public int WantedMaxSegment { get; private init; }
    public int SendBuffer { get; private init; }
    public int ReceiveBuffer { get; private init; }
    public int BufferLocks { get; private init; }
    public ImmutableArray<TcpSocketOption> Others { get; private init; }

    public static SavedOptions Read(SocketCalls calls, in SocketIdentity identity)
    {
        calls.TryGet(Inet.SOL_SOCKET, So.BUF_LOCK, out int locks);              // since 5.14; before, no lock is known
        return new SavedOptions
        {
            ReuseAddress = calls.Get<int>(Inet.SOL_SOCKET, So.REUSEADDR, "SO_REUSEADDR") != 0, KeepAlive = calls.Get<int>(Inet.SOL_SOCKET, So.KEEPALIVE, "SO_KEEPALIVE") != 0,
            Cork = calls.Get<int>(Inet.IPPROTO_TCP, Tcp.CORK, "TCP_CORK") != 0, IsNonBlocking = (calls.Check(Kernel.Call(Nr.fcntl, calls.Fd, Fcntl.F_GETFL), "F_GETFL") & Fcntl.O_NONBLOCK) != 0,
            SendBuffer = calls.Get<int>(Inet.SOL_SOCKET, So.SNDBUF, "SO_SNDBUF"), ReceiveBuffer = calls.Get<int>(Inet.SOL_SOCKET, So.RCVBUF, "SO_RCVBUF"), BufferLocks = locks & 3,
            WantedMaxSegment = identity.State is TcpState.Close or TcpState.Listen or TcpState.SynSent ? WantedSegment(calls) : 0,
            Others = ReadOthers(calls, identity.IsIPv6),
        };
    }

    /// <summary>Without one, TCP_MAXSEG tells what a connection without options would use.</summary>
    private static int WantedSegment(SocketCalls calls)
    {
        const int Default = 536;                        // TCP_MSS_DEFAULT
        int value = calls.Get<int>(Inet.IPPROTO_TCP, Tcp.MAXSEG, "TCP_MAXSEG");
        return value == Default ? 0 : value;
    }

    private static ImmutableArray<TcpSocketOption> ReadOthers(SocketCalls calls, bool isIPv6)
    {
        byte[]?[] ofNew = (isIPv6 ? NewV6 : NewV4).Value;
        Span<byte> value = stackalloc byte[Longest];
        ImmutableArray<TcpSocketOption>.Builder? found = null;
        for (int i = 0; i < OptionTable.Rows.Length; i++)
        {
            var row = OptionTable.Rows[i];
            if (ofNew[i] is not { } usual)
                continue;                               // this kernel, or this family, does not have it
            long length = calls.TryGet(row.Level, row.Number, value);
            if (Kernel.Failed(length) || value[..(int)length].SequenceEqual(usual))
                continue;
            (found ??= ImmutableArray.CreateBuilder<TcpSocketOption>()).Add(new TcpSocketOption(row.Level, row.Number, [.. value[..(int)length]]));
        }
        return found?.ToImmutable() ?? [];
    }

    private static byte[]?[] ValuesOfNew(int family)
    {
        long fd = Kernel.Call(Nr.socket, family, Inet.SOCK_STREAM | Inet.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        if (Kernel.Failed(fd))
            throw new SoccrException("socket", family == Inet.AF_INET ? "IPv4" : "IPv6", (int)-fd);
        using var handle = Kernel.Own(fd);
        var calls = new SocketCalls((int)fd, "a new socket");
        byte[] value = new byte[Longest];
        return Array.ConvertAll(OptionTable.Rows, row => calls.TryGet(row.Level, row.Number, value) is >= 0 and var length ? value[..(int)length] : null);
    }
}
