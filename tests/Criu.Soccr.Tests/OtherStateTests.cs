using System.Net;
using System.Net.Sockets;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Sockets without a connection that runs: not there yet, no longer, or waiting for some.</summary>
public sealed class OtherStateTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    /// <summary>
    /// Where the peer has answered already, its answer echoes the timestamp of the first SYN, which the new socket did not send: the kernel refuses it by a reset
    /// (PAWSActiveRejected), the peer's half-open request goes unseen by its application, and the next SYN, a second later, makes the connection.
    /// </summary>
    [Theory, InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void A_connection_that_is_being_made_is_made(bool isIPv6, bool isAnswered)
    {
        hosts.Connect(isIPv6).Dispose();                // the neighbour is known then: else both SYNs may wait for it, and leave together
        string address = isIPv6 ? "fd07::2" : "10.7.0.2";
        int port = int.Parse(hosts.Peer.Do($"listen {(isIPv6 ? 6 : 4)} {address}"), System.Globalization.CultureInfo.InvariantCulture);
        var before = hosts.Count();
        var socket = hosts.Ours.Run(() =>
        {
            var s = New(isIPv6);
            s.Bind(new IPEndPoint(isIPv6 ? IPAddress.Parse("fd07::1") : IPAddress.Parse("10.7.0.1"), 0));
            return s;
        });
        // The peer's answer must not come before it is paused: its way is held first.
        var flow = new TcpFlow((IPEndPoint)socket.LocalEndPoint!, new IPEndPoint(IPAddress.Parse(address), port));
        if (isAnswered)
        {
            hosts.Lock.Hold([new HeldFlow(flow, null)]);
            socket.SetRawSocketOption(Sockets.SOL_SOCKET, So.MARK, BitConverter.GetBytes(NftablesLock.DefaultMark));        // its SYN passes the lock, the answer does not
        }
        else
            hosts.Gate.Hold([new HeldFlow(new TcpFlow(flow.Remote, flow.Local), null)]);
        socket.Blocking = false;
        Assert.Equal(SocketError.WouldBlock, Assert.Throws<SocketException>(() => socket.Connect(flow.Remote)).SocketErrorCode);
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(socket, hosts.Options))
        {
            saved = paused.Save();
            paused.Leave();
        }
        Assert.Equal((TcpState.SynSent, flow), (saved.State, saved.Flow!.Value));
        hosts.Gate.Release([new HeldFlow(new TcpFlow(flow.Remote, flow.Local), null)]);
        using var restored = hosts.Ours.Run(() => TcpConnection.Restore(TcpConnectionState.FromBytes(saved.ToBytes()), hosts.Options));
        using var again = restored.Resume();
        Assert.True(again.Poll(TimeSpan.FromSeconds(20), SelectMode.SelectWrite));
        hosts.Peer.Do("accept");
        hosts.Peer.Do("send 1000");
        byte[] got = new byte[1000];
        for (int at = 0; at < got.Length;)
            at += again.Receive(got.AsSpan(at));
        Assert.Equal(Peer.Sequence(0, 1000), got);
        again.Send(Peer.Sequence(0, 500));
        hosts.Peer.Do("read 500");
        Assert.InRange((hosts.Count() - before).Resets, 0, isAnswered ? 2 : 0);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_listener_listens_again_with_its_options_and_backlog(bool isIPv6) => hosts.Ours.Run(() =>
    {
        var socket = New(isIPv6);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.SetRawSocketOption(Inet.IPPROTO_TCP, Tcp.DEFER_ACCEPT, BitConverter.GetBytes(7));
        socket.SetRawSocketOption(Inet.IPPROTO_TCP, Tcp.FASTOPEN, BitConverter.GetBytes(5));
        socket.SetRawSocketOption(Inet.IPPROTO_TCP, Tcp.MAXSEG, BitConverter.GetBytes(1000));
        socket.Bind(new IPEndPoint(isIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
        socket.Listen(17);
        var saved = SaveAndLeave(socket);
        Assert.Equal((TcpState.Listen, 17, 1000), (saved.State, saved.Backlog, saved.WantedMaxSegment));
        using var restored = TcpConnection.Restore(saved, hosts.Options);
        using var again = restored.Resume();
        Assert.Equal(saved, SaveAndResume(again));
        again.SetRawSocketOption(Inet.IPPROTO_TCP, Tcp.DEFER_ACCEPT, BitConverter.GetBytes(0));
        using var client = New(isIPv6);
        client.Connect(saved.Local!);
        using var accepted = again.Accept();
        Assert.Equal(client.LocalEndPoint, accepted.RemoteEndPoint);
    });

    [Fact]
    public void A_listener_in_whose_queue_connections_wait_is_refused() => hosts.Ours.Run(() =>
    {
        using var socket = New(isIPv6: false);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen(4);
        using var client = New(isIPv6: false);
        client.Connect(socket.LocalEndPoint!);
        string message = Assert.Throws<SoccrException>(() => TcpConnection.Pause(socket, hosts.Options)).Message;
        Assert.Contains("1 connections wait to be accepted", message, StringComparison.Ordinal);
        using var accepted = socket.Accept();
        Assert.Equal(TcpState.Listen, SaveAndResume(socket).State);
    });

    /// <summary>Held, no reset leaves, and the client learns of it when it sends something after the lock has gone. Not held, it is reset at once.</summary>
    [Theory, InlineData("IPv4", true), InlineData("IPv6", true), InlineData("mapped", true), InlineData("IPv4", false), InlineData("IPv6", false)]
    public void Waiting_connections_are_let_go_where_that_is_asked_for(string kind, bool isHeld) => LockingNamespace.Run(() =>
    {
        var socket = New(kind != "IPv4");
        if (kind == "mapped")
            socket.DualMode = true;
        var loopback = kind == "IPv6" ? IPAddress.IPv6Loopback : IPAddress.Loopback;
        socket.Bind(new IPEndPoint(kind == "mapped" ? IPAddress.IPv6Any : loopback, 0));
        socket.Listen(4);
        int port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        using Socket accepted = New(kind == "IPv6"), waiting = New(kind == "IPv6");
        accepted.Connect(loopback, port);
        using var other = socket.Accept();
        waiting.Connect(loopback, port);
        waiting.Send([1]);
        LockingPair.Until(() => SocketIdentity.ReadInfo(new SocketCalls((int)socket.Handle, "")).Unacked == 1);
        using var connectionLock = NftablesLock.CreateOwned();
        var options = new SoccrOptions { SkipInFlight = true, Lock = isHeld ? connectionLock : null };
        using (var resumed = TcpConnection.Pause(socket, options))
            resumed.Save();
        TcpConnectionState saved;
        using (var paused = TcpConnection.PauseAll([socket], options))
        {
            saved = paused.Save()[0];
            Assert.Equal(0, Resets());
            paused.Leave();
        }
        Assert.Equal((TcpState.Listen, 4), (saved.State, saved.Backlog));
        Assert.Equal(1, Resets());                      // counted also where a rule drops it on its way out
        using var restored = TcpConnection.Restore(saved, options);
        using var again = restored.Resume();
        if (isHeld)
        {
            LockingPair.Arrives(accepted, other);       // the others go on
            Assert.Equal(TcpState.Established, SocketIdentity.ReadState(new SocketCalls((int)waiting.Handle, "")));
            waiting.Send([2]);
            connectionLock.Dispose();
        }
        waiting.ReceiveTimeout = 30_000;
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => waiting.Receive(new byte[1])).SocketErrorCode);
        using var late = New(kind == "IPv6");
        late.Connect(loopback, port);
        using var ours = again.Accept();
        LockingPair.Arrives(late, ours);
    });

    /// <summary>OutRsts of this namespace.</summary>
    private static int Resets()
    {
        string[][] lines = [.. File.ReadAllLines("/proc/thread-self/net/snmp").Where(l => l.StartsWith("Tcp:", StringComparison.Ordinal)).Select(l => l.Split(' '))];
        return int.Parse(lines[1][Array.IndexOf(lines[0], "OutRsts")], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_socket_that_was_never_connected_is_as_before(bool isBound) => hosts.Ours.Run(() =>
    {
        var socket = New(isIPv6: true);
        socket.SetRawSocketOption(Inet.IPPROTO_IPV6, Ipv6.V6ONLY, BitConverter.GetBytes(1));
        socket.NoDelay = true;
        if (isBound)
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        var saved = SaveAndLeave(socket);
        Assert.Equal((TcpState.Close, 0), (saved.State, saved.Error));
        Assert.Equal(isBound, saved.Local != null);
        using var restored = TcpConnection.Restore(saved, hosts.Options);
        using var again = restored.Resume();
        Assert.True(again.NoDelay);
        Assert.Equal(saved, SaveAndResume(again));
    });

    [Theory, InlineData(false), InlineData(true)]
    public void A_reset_that_the_application_has_not_seen_waits_again(bool isIPv6)
    {
        var socket = hosts.Connect(isIPv6);
        hosts.Peer.Do("reset");
        var calls = new SocketCalls((int)socket.Handle, "the socket under test");
        Assert.True(SpinWait.SpinUntil(() => SocketIdentity.ReadState(calls) == TcpState.Close, 10_000));
        var saved = SaveAndLeave(socket);
        Assert.Equal((TcpState.Close, Errno.ECONNRESET), (saved.State, saved.Error));
        using var restored = hosts.Ours.Run(() => TcpConnection.Restore(saved, hosts.Options));
        using var again = restored.Resume();
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => again.Receive(new byte[1])).SocketErrorCode);
        Assert.Equal(0, again.Receive(new byte[1]));
    }

    private static Socket New(bool isIPv6) => new(isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private TcpConnectionState SaveAndLeave(Socket socket)
    {
        using var paused = TcpConnection.Pause(socket, hosts.Options);
        var saved = paused.Save();
        paused.Leave();
        return TcpConnectionState.FromBytes(saved.ToBytes());
    }

    private TcpConnectionState SaveAndResume(Socket socket)
    {
        using var paused = TcpConnection.Pause(socket, hosts.Options);
        return paused.Save();
    }
}
