using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>What a restored connection begins with, what the options of a batch change, and what is left when a batch fails.</summary>
public sealed class BatchTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private const int SendSegment = 16;                 // struct tcp_info, tcpi_snd_mss

    /// <summary>As in CRIU's order of calls it would be 524 bytes, and 1208 over IPv6, until the congestion window has grown.</summary>
    [Theory, InlineData(false, true), InlineData(true, true), InlineData(false, false), InlineData(true, false)]
    public void Segments_are_as_large_as_before(bool isIPv6, bool timestamps)
    {
        foreach (var ns in new[] { hosts.Ours, hosts.Theirs })
            ns.Set("ipv4/tcp_timestamps", timestamps ? "1" : "0");
        using var socket = hosts.Connect(isIPv6);
        uint before = SegmentOf(socket);
        using var again = hosts.Ours.Run(() => MoveOne(socket, hosts.Options));
        Assert.Equal(before, SegmentOf(again));
        Assert.InRange(before, 1400u, 1460u);
    }

    /// <summary>Those of loopback are larger than TCP_MAXSEG takes. At first they are bounded by half of the peer's window, which is not known yet when the new socket works out its own.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void Segments_of_loopback_are_no_smaller_than_before(bool isIPv6) => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair(isIPv6 ? "IPv6" : "IPv4");
        uint before = SegmentOf(pair.Ours);
        using var held = NftablesLock.CreateOwned();
        using var again = MoveOne(pair.Ours, new SoccrOptions { Lock = held });
        Assert.InRange(before, 32_768u, 65_535u);
        Assert.InRange(SegmentOf(again), before, 65_535u);
    });

    /// <summary>It would not fit, and wait for a timer. Nor is it refused that the peer was heard of behind our window, which may have closed for want of memory.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void No_segment_is_longer_than_half_of_the_peers_window(bool isIPv6) => LockingNamespace.Run(() =>
    {
        const uint Window = 20_000, Smallest = 536;
        using var pair = new LockingPair(isIPv6 ? "IPv6" : "IPv4");
        using var held = NftablesLock.CreateOwned();
        var options = new SoccrOptions { Lock = held, ResumesQuietly = true };
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(pair.Ours, options))
        {
            saved = paused.Save();
            paused.Leave();
        }
        using var restored = TcpConnection.Restore(saved with { MaxWindow = Window, SendWindow = Window, SendWl1 = saved.ReceiveSequence + saved.ReceiveWindow + 1000 }, options);
        using var again = restored.Resume();
        Assert.InRange(SegmentOf(again), Smallest, Window / 2);
    });

    [Theory, InlineData(false), InlineData(true)]
    public void Who_is_resumed_quietly_sends_nothing(bool isQuiet)
    {
        using var socket = hosts.Connect(isIPv6: false);
        using var restored = Restored(socket, hosts.Options with { ResumesQuietly = isQuiet });
        long before = hosts.Ours.Counter("OutSegs");
        using var again = restored.Resume();
        Assert.Equal(isQuiet ? 0 : 1, hosts.Ours.Counter("OutSegs") - before);
        Streams(again);
    }

    /// <summary>Bytes wait to be acknowledged: the peer is asked at once, or they would wait for the timer.</summary>
    [Fact]
    public void Who_has_bytes_under_way_is_not_resumed_quietly()
    {
        using var socket = hosts.Connect(isIPv6: false);
        var reversed = TwoHosts.Reversed(socket);
        hosts.Gate.Hold(reversed);
        socket.Send(Peer.Sequence(0, 100));
        using var restored = Restored(socket, hosts.Options with { ResumesQuietly = true });
        hosts.Gate.Release(reversed);
        long before = hosts.Ours.Counter("OutSegs") + hosts.Ours.Counter("RetransSegs");
        using var again = restored.Resume();
        Assert.InRange(hosts.Ours.Counter("OutSegs") + hosts.Ours.Counter("RetransSegs") - before, 1, 10);
        hosts.Peer.Do("read 100");
        hosts.Peer.Do("close");
    }

    [Fact]
    public void Sockets_that_are_alike_get_the_options_of_the_first() => LockingNamespace.Run(() =>
    {
        LockingPair[] pairs = [new("IPv4"), new("IPv4"), new("IPv6"), new("IPv4")];
        foreach (var pair in pairs)
        {
            pair.Ours.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            pair.Ours.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 77);
            pair.Ours.Ttl = 33;
        }
        using var held = NftablesLock.CreateOwned();
        var options = new SoccrOptions { Lock = held, OptionsAreAlike = true };
        using var paused = TcpConnection.PauseAll([.. pairs.Select(p => p.Ours)], options);
        var saved = paused.Save();
        paused.Leave();
        Assert.Contains(saved[2].Options, o => o.Name == "IPV6_V6ONLY");                  // another kind: read by itself
        Assert.DoesNotContain(saved[3].Options, o => o.Name == "IPV6_V6ONLY");
        using var restored = TcpConnection.RestoreAll(saved, options);
        foreach (var (again, pair) in restored.Resume().Zip(pairs))
        {
            Assert.True(again.NoDelay);
            Assert.Equal((33, 77, 1), (again.Ttl, (int)again.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)!, (int)again.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!));
            LockingPair.Arrives(pair.Peer, again);
            LockingPair.Arrives(again, pair.Peer);
            again.Dispose();
            pair.Dispose();
        }
    });

    /// <summary>One of many cannot be switched: those that were go on, with their traffic, and nobody keeps a socket open.</summary>
    [Theory, InlineData(1), InlineData(2)]
    public void A_pause_that_fails_leaves_all_as_they_were(int workers) => LockingNamespace.Run(() =>
    {
        var pairs = Enumerable.Range(0, 200).Select(_ => new LockingPair("IPv4")).ToArray();
        foreach (var pair in pairs)
        {
            pair.Ours.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            pair.Ours.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        }
        using var held = NftablesLock.CreateOwned();
        var options = new SoccrOptions { Lock = held, RepairSwitch = new FailingSwitch(RepairMode.On, after: 150) };
        var failure = Assert.Throws<SoccrException>(() => TcpConnection.PauseAll([.. pairs.Select(p => p.Ours)], options, workers));
        Assert.Equal(Errno.EPERM, failure.ErrorNumber);
        foreach (var pair in pairs)
        {
            pair.Passes();
            Assert.Equal((1, 1), ((int)pair.Ours.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress)!, (int)pair.Ours.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!));
            pair.Ours.Dispose();
            Assert.Equal(0, pair.Peer.Receive(new byte[1]));                              // its FIN: the descriptor is closed
            pair.Dispose();
        }
    });

    /// <summary>The peers notice nothing, and the same states can be restored again.</summary>
    [Theory, InlineData(1), InlineData(2)]
    public void A_resume_that_fails_closes_all_silently(int workers) => LockingNamespace.Run(() =>
    {
        var pairs = Enumerable.Range(0, 200).Select(_ => new LockingPair("IPv4")).ToArray();
        var options = new SoccrOptions();
        TcpConnectionState[] saved;
        using (var paused = TcpConnection.PauseAll([.. pairs.Select(p => p.Ours)], options, workers))
        {
            saved = paused.Save();
            paused.Leave();
        }
        using (var failing = TcpConnection.RestoreAll(saved, options with { RepairSwitch = new FailingSwitch(RepairMode.Off, after: 150) }, workers))
            Assert.Throws<SoccrException>(() => failing.ResumeHandles());
        using var restored = TcpConnection.RestoreAll(saved, options, workers);
        foreach (var (again, pair) in restored.Resume().Zip(pairs))
        {
            LockingPair.Arrives(pair.Peer, again);
            LockingPair.Arrives(again, pair.Peer);
            again.Dispose();
            pair.Dispose();
        }
    });

    [Fact]
    public void What_is_not_TCP_is_refused_by_name()
    {
        using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.Contains("is no TCP socket", Assert.Throws<SoccrException>(() => TcpConnection.Pause(datagrams)).Message);
        using var local = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.Contains("is no TCP socket", Assert.Throws<SoccrException>(() => TcpConnection.Pause(local)).Message);
        long fd = Kernel.Call(Nr.socket, Sockets.AF_INET, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_MPTCP);
        Assert.SkipWhen(fd == -Errno.EPROTONOSUPPORT || fd == -Errno.ENOPROTOOPT, "this kernel has no MPTCP");
        using var mptcp = Kernel.Own(fd);
        Assert.Contains("MPTCP", Assert.Throws<SoccrException>(() => TcpConnection.PauseHandle(mptcp)).Message);
    }

    private RestoredConnection Restored(Socket socket, SoccrOptions options)
    {
        using var paused = TcpConnection.Pause(socket, options);
        var saved = paused.Save();
        paused.Leave();
        return hosts.Ours.Run(() => TcpConnection.Restore(saved, options));
    }

    private static Socket MoveOne(Socket socket, SoccrOptions options)
    {
        using var paused = TcpConnection.Pause(socket, options);
        var saved = paused.Save();
        paused.Leave();
        return TcpConnection.Restore(saved, options).Resume();
    }

    private void Streams(Socket socket)
    {
        socket.Send(Peer.Sequence(0, 100));
        hosts.Peer.Do("read 100");
        hosts.Peer.Do("close");
    }

    private static uint SegmentOf(Socket socket)
    {
        byte[] info = new byte[SendSegment + 4];
        socket.GetRawSocketOption(Inet.IPPROTO_TCP, Tcp.INFO, info);
        return BitConverter.ToUInt32(info, SendSegment);
    }

    /// <summary>Does not switch into one of the modes any more, after so many.</summary>
    private sealed class FailingSwitch(RepairMode mode, int after) : IRepairSwitch
    {
        private int switched;

        public int Switch(SafeHandle socket, RepairMode to) =>
            to == mode && Interlocked.Increment(ref switched) > after ? -Errno.EPERM : OwnRepairSwitch.Instance.Switch(socket, to);

        public int Set(SafeHandle socket, PrivilegedOption option, ReadOnlySpan<byte> value) => OwnRepairSwitch.Instance.Set(socket, option, value);

        public int ReadMd5Keys(SafeHandle socket, out ImmutableArray<TcpMd5Key> keys) => OwnRepairSwitch.Instance.ReadMd5Keys(socket, out keys);
    }
}
