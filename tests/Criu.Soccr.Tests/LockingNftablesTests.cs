using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Holding by nf_tables: what is held, what passes, and how much of it.</summary>
public sealed class LockingNftablesTests
{
    [Theory, InlineData("IPv4"), InlineData("IPv6"), InlineData("mapped")]
    public void Held_traffic_arrives_after_the_release_and_other_connections_go_on(string kind) => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(kind), other = new(kind);
        pair.Passes();
        using var connectionLock = NftablesLock.CreateOwned();
        pair.Passes();
        connectionLock.Hold([pair.Held with { Socket = null }]);
        pair.IsHeld();
        other.Passes();
        connectionLock.Release([pair.Held]);
        pair.ArrivesNow();
        pair.Passes();
    });

    [Fact]
    public void A_peer_of_a_connection_without_socket_gets_no_reset_while_it_is_held() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var connectionLock = NftablesLock.CreateOwned();
        connectionLock.Hold([pair.Held]);
        pair.CloseSilently();
        pair.Peer.Send([1]);
        LockingPair.Until(() => LockingPair.Tries(pair.Peer) > 0);
        Assert.Equal(0, SentResets());
        Assert.False(pair.Peer.Poll(0, SelectMode.SelectError));
        connectionLock.Release([pair.Held]);
        LockingPair.Until(() => SentResets() == 1);
    });

    [Theory, InlineData(null), InlineData(0x77u)]
    public void Packets_with_the_mark_pass(uint? wanted) => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var connectionLock = NftablesLock.CreateOwned(wanted == null ? null : new NftablesLockOptions { Mark = wanted.Value });
        Assert.Equal(wanted ?? 0xC114u, connectionLock.Mark);
        connectionLock.Hold([pair.Held]);
        LockingPair.Mark(pair.Peer, connectionLock.Mark);
        LockingPair.Arrives(pair.Peer, pair.Ours);
        LockingPair.NothingComes(pair.Ours, pair.Peer);
        LockingPair.Mark(pair.Ours, connectionLock.Mark);
        LockingPair.Receive(pair.Peer);
        LockingPair.Mark(pair.Peer, connectionLock.Mark + 1);
        LockingPair.NothingComes(pair.Peer, pair.Ours);
    });

    [Theory, InlineData("IPv4"), InlineData("IPv6")]
    public void Ten_thousand_are_held_at_once(string kind) => LockingNamespace.Run(() =>
    {
        using LockingPair first = new(kind), middle = new(kind), last = new(kind), other = new(kind);
        var flows = Many(10_000, kind);
        (flows[0], flows[4_999], flows[^1]) = (first.Held, middle.Held, last.Held);
        using var connectionLock = NftablesLock.CreateOwned();
        Report($"{kind}: 10,000 held", () => connectionLock.Hold(flows));
        first.IsHeld();
        middle.IsHeld();
        last.IsHeld();
        other.Passes();
        Report($"{kind}: 5,000 released", () => connectionLock.Release(flows.AsSpan(0, 5_000)));
        first.ArrivesNow();
        middle.ArrivesNow();
        last.IsHeld();
        Report($"{kind}: 10,000 released, half of them not held", () => connectionLock.Release(flows));
        LockingPair.Receive(last.Ours);
        last.ArrivesNow();
        LockingPair.Receive(last.Peer);
    });

    [Fact]
    public void A_hundred_thousand_are_held_at_once_and_refusals_overflow_no_buffer() => LockingNamespace.Run(() =>
    {
        var flows = Many(50_000, "IPv4").Concat(Many(50_000, "IPv6")).ToArray();
        using var connectionLock = NftablesLock.CreateOwned();
        Report("100,000 held", () => connectionLock.Hold(flows));
        Report("100,000 released", () => connectionLock.Release(flows));
        Shrink(connectionLock);
        connectionLock.Release(flows);                          // each message is refused first
        connectionLock.Remove();
        Shrink(connectionLock);
        Assert.Equal(Errno.ENOENT, Assert.Throws<SoccrException>(() => connectionLock.Hold(flows)).ErrorNumber);
    });

    [Fact]
    public void Held_or_released_twice_is_as_once() => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new("mapped"), other = new();
        var plain = pair.Held with { Flow = new TcpFlow(Plain(pair.Flow.Local), Plain(pair.Flow.Remote)) };
        using var connectionLock = NftablesLock.CreateOwned();
        connectionLock.Hold([]);
        connectionLock.Release([]);
        connectionLock.Release([pair.Held, other.Held]);
        connectionLock.Hold([pair.Held, plain, pair.Held]);
        connectionLock.Hold([pair.Held]);
        LockingPair.NothingComes(pair.Peer, pair.Ours);
        connectionLock.Release([pair.Held, other.Held, plain, pair.Held]);
        LockingPair.Receive(pair.Ours);
        connectionLock.Release([plain]);
        pair.Passes();
    });

    [Fact]
    public void Two_locks_do_not_meet() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var one = NftablesLock.CreateOwned();
        using (var two = NftablesLock.CreateOwned())
        {
            one.Hold([pair.Held]);
            two.Hold([pair.Held]);
            one.Release([pair.Held]);
            pair.IsHeld();
        }
        pair.ArrivesNow();
    });

    /// <summary>Both ends are ours, as when both are saved: an element of each, which differ in the order of the ends.</summary>
    [Fact]
    public void Both_ends_of_a_connection_are_held() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        var peer = new HeldFlow(new TcpFlow(pair.Flow.Remote, pair.Flow.Local), null);
        using var connectionLock = NftablesLock.CreateOwned();
        connectionLock.Hold([pair.Held, peer]);
        connectionLock.Release([pair.Held]);
        pair.IsHeld();
        connectionLock.Release([peer]);
        pair.ArrivesNow();
    });

    private static IPEndPoint Plain(IPEndPoint mapped) => new(mapped.Address.MapToIPv4(), mapped.Port);

    private static HeldFlow[] Many(int count, string kind)
    {
        var address = IPAddress.Parse(kind == "IPv4" ? "10.1.2.3" : "2001:db8::3");
        return [.. Enumerable.Range(0, count).Select(i => new HeldFlow(new TcpFlow(new IPEndPoint(address, 80 + i / 50_000), new IPEndPoint(address, 10_000 + i % 50_000)), null))];
    }

    private static unsafe void Shrink(NftablesLock connectionLock)
    {
        int least = 1;
        Kernel.Call(Nr.setsockopt, connectionLock.Descriptor.DangerousGetHandle(), Sockets.SOL_SOCKET, So.RCVBUFFORCE, (long)(&least), sizeof(int));
    }

    private static void Report(string what, Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        TestContext.Current.TestOutputHelper?.WriteLine($"{what} in {watch.Elapsed.TotalMilliseconds:F1} ms");
    }

    /// <summary>Tcp.OutRsts of this thread's namespace.</summary>
    private static int SentResets()
    {
        string[][] lines = [.. File.ReadLines("/proc/thread-self/net/snmp").Where(l => l.StartsWith("Tcp:", StringComparison.Ordinal)).Select(l => l.Split(' '))];
        return int.Parse(lines[1][Array.IndexOf(lines[0], "OutRsts")], System.Globalization.CultureInfo.InvariantCulture);
    }
}
