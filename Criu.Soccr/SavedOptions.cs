using System.Collections.Immutable;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>The options of a socket that do not change by themselves, read before repair mode changes some of them.</summary>
internal sealed record SavedOptions
{
    private const int Longest = 64;                     // bytes

    private static readonly Lazy<KnownOption[]> OfV4 = new(() => OfNew(Sockets.AF_INET)), OfV6 = new(() => OfNew(Sockets.AF_INET6));

    /// <summary>An option that this kernel and family has, with the value of a new socket.</summary>
    private readonly record struct KnownOption(int Row, int Level, int Number, byte[] Usual, bool IsForListener);

    public bool ReuseAddress { get; private init; }
    public bool KeepAlive { get; private init; }
    public bool IsNonBlocking { get; private init; }
    public bool Cork { get; private init; }
    public int WantedMaxSegment { get; private init; }
    public int BufferLocks { get; private init; }
    public ImmutableArray<TcpSocketOption> Others { get; private init; }

    /// <summary>Whether it has been seen that it has none (TCP_MD5SIG).</summary>
    public bool HasNoKeys { get; private init; }

    /// <summary>Whether they are those of another socket, which is said to have the same.</summary>
    public bool AreOfAnother { get; private init; }

    /// <param name="calls">Calls on the socket.</param>
    /// <param name="identity">Which it is.</param>
    /// <param name="view">Which of them need not be asked for.</param>
    public static SavedOptions Read(SocketCalls calls, in SocketIdentity identity, SocketView view)
    {
        int locks = 0;
        if (!view.IsUsual(Sockets.SOL_SOCKET, So.BUF_LOCK))
            calls.TryGet(Sockets.SOL_SOCKET, So.BUF_LOCK, out locks);              // since 5.14; before, no lock is known
        return new SavedOptions
        {
            ReuseAddress = IsOn(calls, view, Sockets.SOL_SOCKET, So.REUSEADDR, "SO_REUSEADDR"), KeepAlive = IsOn(calls, view, Sockets.SOL_SOCKET, So.KEEPALIVE, "SO_KEEPALIVE"),
            IsNonBlocking = view.IsNonBlocking ?? calls.IsNonBlocking(), BufferLocks = locks & 3,
            Cork = IsOn(calls, view, Inet.IPPROTO_TCP, Tcp.CORK, "TCP_CORK"), HasNoKeys = view.IsUsual(Inet.IPPROTO_TCP, Tcp.MD5SIG),
            WantedMaxSegment = identity.State is TcpState.Close or TcpState.Listen or TcpState.SynSent ? WantedSegment(calls) : 0,
            Others = ReadOthers(calls, identity, view),
        };
    }

    private static bool IsOn(SocketCalls calls, SocketView view, int level, int number, string name) => !view.IsUsual(level, number) && calls.Get<int>(level, number, name) != 0;

    /// <summary>Without one, TCP_MAXSEG tells what a connection without options would use.</summary>
    private static int WantedSegment(SocketCalls calls)
    {
        const int Default = 536;                        // TCP_MSS_DEFAULT
        int value = calls.Get<int>(Inet.IPPROTO_TCP, Tcp.MAXSEG, "TCP_MAXSEG");
        return value == Default ? 0 : value;
    }

    private static ImmutableArray<TcpSocketOption> ReadOthers(SocketCalls calls, in SocketIdentity identity, SocketView view)
    {
        bool maySoonListen = !identity.HasPeer;
        Span<byte> value = stackalloc byte[Longest];
        ImmutableArray<TcpSocketOption>.Builder? found = null;
        foreach (var known in (identity.IsIPv6 ? OfV6 : OfV4).Value)
        {
            if (known.IsForListener && !maySoonListen || view.IsUsual(known.Row))
                continue;                               // a connection has no use for the former, and is not given it
            long length = calls.TryGet(known.Level, known.Number, value);
            if (Kernel.Failed(length) || value[..(int)length].SequenceEqual(known.Usual))
                continue;
            (found ??= ImmutableArray.CreateBuilder<TcpSocketOption>()).Add(new TcpSocketOption(known.Level, known.Number, [.. value[..(int)length]]));
        }
        return found?.ToImmutable() ?? [];
    }

    /// <summary>For others that are alike: without what the kernel decides for each connection anew, though it is an option too.</summary>
    public SavedOptions ForOthers() => this with { AreOfAnother = true, Others = Others.RemoveAll(o => o is { Level: Inet.IPPROTO_TCP, Number: Tcp.QUICKACK }) };

    private static KnownOption[] OfNew(int family)
    {
        using var made = NewSockets.TryMake(family)
            ?? throw new SoccrException($"no socket of {(family == Sockets.AF_INET ? "IPv4" : "IPv6")} can be made, to compare options with: end what uses up the descriptors of the process");
        var calls = new SocketCalls(made.Fd(), "a new socket");
        Span<byte> value = stackalloc byte[Longest];
        var all = new List<KnownOption>();
        foreach (var (i, row) in OptionTable.Rows.Index())
            if (calls.TryGet(row.Level, row.Number, value) is >= 0 and var length)
                all.Add(new KnownOption(i, row.Level, row.Number, value[..(int)length].ToArray(), row.Stage == OptionStage.Listener));
        return [.. all];
    }
}
