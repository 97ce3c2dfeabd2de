using System.Net;
using System.Net.Sockets;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>
/// Every state × IPv4 and IPv6 × timestamps × SACK × what waits in the queues: saved under a lock, closed silently, restored, and streamed on both ways as far as the state
/// lets each direction. The peer is a Python program.
/// </summary>
public sealed class StateTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private const int Received = 30_000, Sent = 150_000, More = 20_000;         // bytes
    private const int SmallestSegment = 1400;
    private const int MostAgain = 40;                                           // segments: a send queue of unacknowledged ones, and a FIN

    /// <summary>What a state allows: whether we can hold unacknowledged bytes, and who can still send.</summary>
    private static readonly (TcpState State, bool HasSendQueue, bool WeCanSend, bool TheyCanSend)[] Legal =
    [
        (TcpState.Established, true, true, true), (TcpState.CloseWait, true, true, false), (TcpState.FinWait1, true, false, true), (TcpState.FinWait2, false, false, true),
        (TcpState.Closing, true, false, false), (TcpState.LastAck, true, false, false), (TcpState.TimeWait, false, false, false),
    ];

    public static TheoryData<TcpState, bool, bool, bool, bool, bool> Cells =>
        new(from row in Legal
            from v6 in (bool[])[false, true]
            from timestamps in (bool[])[true, false]
            from sack in (bool[])[true, false]
            from receive in (bool[])[false, true]
            from send in row.HasSendQueue ? (bool[])[false, true] : [false]
            select (row.State, v6, timestamps, sack, receive, send));

    [Theory, MemberData(nameof(Cells))]
    public void It_goes_on(TcpState state, bool isIPv6, bool timestamps, bool sack, bool receive, bool send)
    {
        foreach (var ns in new[] { hosts.Ours, hosts.Theirs })
        {
            ns.Set("ipv4/tcp_timestamps", timestamps ? "1" : "0");
            ns.Set("ipv4/tcp_sack", sack ? "1" : "0");
        }
        var row = Legal.Single(l => l.State == state);
        var socket = hosts.Connect(isIPv6);
        var before = hosts.Count();                     // after it: the peer lets go of a failed cell's connection when it accepts the next
        var flow = new TcpFlow((IPEndPoint)socket.LocalEndPoint!, (IPEndPoint)socket.RemoteEndPoint!);
        try
        {
            Check(socket, row, timestamps, sack, receive ? Received : 0, send ? Sent : 0);
        }
        catch
        {
            // What is left of it would be reset when its socket goes, and its peer would still send then: the cells after it would count these resets.
            hosts.Lock.Hold([new HeldFlow(flow, null)]);
            throw;
        }
        finally
        {
            hosts.Gate.Release([new HeldFlow(new TcpFlow(flow.Remote, flow.Local), null)]);
        }
        var counts = hosts.Count() - before;
        Assert.Equal(0, counts.Resets);
        Assert.InRange(counts.OursAgain, 0, send ? Sent / SmallestSegment * 2 + 10 : 10);
        Assert.InRange(counts.TheirsAgain, 0, MostAgain);
    }

    private void Check(Socket socket, (TcpState State, bool HasSendQueue, bool WeCanSend, bool TheyCanSend) row, bool timestamps, bool sack, int receive, int send)
    {
        var (state, reversed) = (row.State, TwoHosts.Reversed(socket));
        if (state == TcpState.TimeWait)
            hosts.Ours.Set("ipv4/tcp_max_tw_buckets", "0");             // the kernel's own memory of it would stay here, and be in the way
        Bring(socket, state, receive, send);
        hosts.Ours.Set("ipv4/tcp_max_tw_buckets", "1000");
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(socket, hosts.Options))
        {
            saved = paused.Save();
            // Its clock ticks on in repair mode, and so do its timers: what was not sent may be sent now, or acknowledged, with our window.
            var second = paused.Save() with
            {
                Timestamp = saved.Timestamp, UnsentBytes = saved.UnsentBytes, IsFinUnsent = saved.IsFinUnsent, ReceiveWindow = saved.ReceiveWindow, ReceiveWindowUpdate = saved.ReceiveWindowUpdate,
            };
            Assert.Equal(saved.ToJson(), second.ToJson());
            if (state.IsSynchronised() && KernelView.Instance != null)
                CompareViews(new SocketCalls((int)socket.Handle, socket));
            paused.Leave();
        }
        Assert.Equal((state, timestamps, sack), (saved.State, saved.HasTimestamps, saved.HasSack));
        Assert.Equal((receive, send), (saved.ReceiveQueue.Length, saved.SendQueue.Length));
        Assert.Equal(saved, TcpConnectionState.FromBytes(saved.ToBytes()));

        using var restored = hosts.Ours.Run(() => TcpConnection.Restore(saved, hosts.Options));
        hosts.Gate.Release(reversed);
        using var again = restored.Resume();
        Stream(again, row, receive, send);
    }

    /// <summary>What the kernel's own structures tell of the connection is what it is told by calls: the first of a kind is read in both ways, the second in one. A timer may come in between.</summary>
    private static void CompareViews(SocketCalls calls)
    {
        const int Tries = 5;
        ConnectionNumbers told = default, seen = default;
        for (int i = 0; i < Tries && seen == default; i++)
        {
            using var views = ConnectionViews.TryRead(int.MaxValue)!;
            Assert.True(views.TryRead(calls, out told));
            if (!views.IsWrong)
                Assert.True(views.TryRead(calls, out seen));
        }
        Assert.Equal(told with { Timestamp = 0 }, seen with { Timestamp = 0 });
    }

    /// <summary>Leads a connection into a state. What we send from some point on does not reach the peer.</summary>
    private void Bring(Socket socket, TcpState state, int receive, int send)
    {
        if (receive > 0)
            hosts.Peer.Do($"send {receive}");
        if (state is TcpState.CloseWait or TcpState.LastAck)
            hosts.Peer.Do("shut");
        hosts.Peer.Do("flush");
        Await(socket, state is TcpState.CloseWait or TcpState.LastAck ? TcpState.CloseWait : TcpState.Established, receive);
        if (state is not (TcpState.FinWait2 or TcpState.TimeWait))
            hosts.Gate.Hold(TwoHosts.Reversed(socket));
        if (send > 0)
            Fill(socket, send);
        if (state is TcpState.FinWait1 or TcpState.FinWait2 or TcpState.Closing or TcpState.LastAck or TcpState.TimeWait)
            socket.Shutdown(SocketShutdown.Send);
        if (state is TcpState.FinWait2 or TcpState.TimeWait)
            Await(socket, TcpState.FinWait2, receive);
        if (state is TcpState.Closing or TcpState.TimeWait)
            hosts.Peer.Do("shut");
        Await(socket, state == TcpState.TimeWait ? TcpState.Close : state, receive);
    }

    private static void Fill(Socket socket, int count)
    {
        socket.SendBufferSize = 4 * count;
        socket.Blocking = false;
        Assert.Equal(count, socket.Send(Peer.Sequence(0, count)));
        socket.Blocking = true;
    }

    private static void Await(Socket socket, TcpState state, int available)
    {
        var calls = new SocketCalls((int)socket.Handle, "the socket under test");
        for (long until = Environment.TickCount64 + 10_000; SocketIdentity.ReadState(calls) != state || state != TcpState.Close && socket.Available != available; Thread.Sleep(1))
            Assert.True(Environment.TickCount64 < until, $"is {SocketIdentity.ReadState(calls)} with {socket.Available} bytes, not {state} with {available}");
    }

    private void Stream(Socket socket, (TcpState State, bool HasSendQueue, bool WeCanSend, bool TheyCanSend) row, int receive, int send)
    {
        if (row.TheyCanSend)
        {
            hosts.Peer.Do($"send {More}");
            hosts.Peer.Begin("shut");
        }
        int expected = receive + (row.TheyCanSend ? More : 0);
        Assert.Equal(Peer.Sequence(0, expected), Read(socket, expected));
        Assert.Equal(0, socket.Receive(new byte[1]));
        if (row.TheyCanSend)
            hosts.Peer.End("shut");
        if (row.WeCanSend)
        {
            socket.Send(Peer.Sequence(send, More));
            socket.Shutdown(SocketShutdown.Send);
        }
        hosts.Peer.Do($"read {send + (row.WeCanSend ? More : 0)}");
        hosts.Peer.Do("eof");
        hosts.Peer.Do("close");
    }

    private static byte[] Read(Socket socket, int count)
    {
        byte[] buffer = new byte[count];
        socket.ReceiveTimeout = 20_000;
        for (int got = 0, more; got < count; got += more)
            if ((more = socket.Receive(buffer, got, count - got, SocketFlags.None)) == 0)
                Assert.Fail($"the stream ends after {got} of {count} bytes");
        return buffer;
    }
}
