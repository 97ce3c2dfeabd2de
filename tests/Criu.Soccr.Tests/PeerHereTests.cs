using System.Buffers;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Half-closed connections whose peer stays where it is, in the same network namespace: nothing can take its place to say once more what it had said.</summary>
public sealed class PeerHereTests
{
    private const uint GateMark = 0x6a7e;

    public static TheoryData<TcpState, string, bool> Cells =>
        new(from state in (TcpState[])[TcpState.CloseWait, TcpState.FinWait1, TcpState.FinWait2, TcpState.Closing, TcpState.LastAck, TcpState.TimeWait]
            from kind in (string[])["IPv4", "IPv6", "mapped"]
            from timestamps in (bool[])[true, false]
            select (state, kind, timestamps));

    [Theory, MemberData(nameof(Cells))]
    public void It_goes_on(TcpState state, string kind, bool timestamps) => LockingNamespace.Run(() =>
    {
        File.WriteAllText("/proc/sys/net/ipv4/tcp_timestamps", timestamps ? "1" : "0");
        File.WriteAllText("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0");          // the kernel's own memory of our end would be in the way
        using var pair = new LockingPair(kind);
        using var held = NftablesLock.CreateOwned();
        using var gate = NftablesLock.CreateOwned(new NftablesLockOptions { Mark = GateMark });
        Bring(pair, state, gate);
        File.WriteAllText("/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000");
        var options = new SoccrOptions { Lock = held };
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(pair.Ours, options))
        {
            saved = paused.Save();
            paused.Leave();
        }
        Assert.Equal(state, saved.State);
        gate.Release([new HeldFlow(pair.Flow, null)]);
        using var restored = TcpConnection.Restore(saved, options);
        using var again = restored.Resume();
        if (state is TcpState.FinWait1 or TcpState.FinWait2)
        {
            Becomes(again, TcpState.FinWait2);
            LockingPair.Arrives(pair.Peer, again);
            pair.Peer.Shutdown(SocketShutdown.Send);
        }
        if (state == TcpState.CloseWait)
            LockingPair.Arrives(again, pair.Peer);
        Assert.Equal(0, again.Receive(new byte[1]));
        if (state == TcpState.CloseWait)
            again.Shutdown(SocketShutdown.Send);
        pair.Peer.ReceiveTimeout = 30_000;
        Assert.Equal(0, pair.Peer.Receive(new byte[1]));
        Becomes(again, TcpState.Close);
        Becomes(pair.Peer, TcpState.Close);
        Assert.Equal(0, Resets());
    });

    /// <summary>As after a segment was put together of several to be sent again, and the answer to the first of them came late. The kernel shows all of it.</summary>
    [Theory, InlineData("IPv4"), InlineData("IPv6")]
    public void A_segment_that_is_acknowledged_in_part_is_saved_in_part(string kind) => LockingNamespace.Run(() =>
    {
        const int Sent = 1000, Acknowledged = 400;
        using var pair = new LockingPair(kind);
        Assert.Equal(0, DroppingFilter.Attach(pair.Peer.SafeHandle));
        byte[] data = [.. Enumerable.Range(0, Sent).Select(i => (byte)(i * 7))];
        Assert.Equal(Sent, pair.Ours.Send(data));
        TcpConnectionState before = Saved(pair.Ours);
        Assert.Equal(data, before.SendQueue);
        RawSegment.Send(pair.Flow.Remote, pair.Flow.Local, RawSegment.Acknowledgement, before.ReceiveSequence, before.SendSequence - Sent + Acknowledged, ushort.MaxValue, SoccrOptions.Default, "the peer");
        LockingPair.Until(() => new SocketCalls((int)pair.Ours.Handle, "").Ask(Inet.TIOCOUTQ, "SIOCOUTQ") == Sent - Acknowledged);
        byte[] stale = ArrayPool<byte>.Shared.Rent(Sent);
        Array.Fill(stale, (byte)0xff);
        ArrayPool<byte>.Shared.Return(stale);           // what is not read must not look as if it were
        Assert.Equal(data[Acknowledged..], Saved(pair.Ours).SendQueue);
    });

    private static TcpConnectionState Saved(Socket socket)
    {
        using var paused = TcpConnection.Pause(socket);
        return paused.Save();
    }

    [Fact]
    public void Who_may_not_is_told_what_it_takes()
    {
        using var helping = new Privilege.Helping();
        LockingNamespace.Run(() => IsTold(helping.Path));
    }

    private static void IsTold(string helper)
    {
        using var pair = new LockingPair();
        pair.Peer.Shutdown(SocketShutdown.Send);
        Becomes(pair.Ours, TcpState.CloseWait);
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(pair.Ours))
        {
            saved = paused.Save();
            paused.Leave();
        }
        using var client = RepairHelperClient.Connect(helper);
        LockingNamespace.BecomeOrdinaryUser();
        var failure = Assert.Throws<SoccrException>(() => TcpConnection.Restore(saved, new SoccrOptions { RepairSwitch = client }));
        Assert.Equal(Errno.EPERM, failure.ErrorNumber);
        Assert.Contains("CAP_NET_RAW", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Leads it into a state: the gate keeps from the peer what we send, where that is needed, and lets through what the peer sends.</summary>
    private static void Bring(LockingPair pair, TcpState state, NftablesLock gate)
    {
        LockingPair.Mark(pair.Peer, GateMark);
        if (state is TcpState.CloseWait or TcpState.LastAck)
        {
            pair.Peer.Shutdown(SocketShutdown.Send);
            Becomes(pair.Ours, TcpState.CloseWait);
            Becomes(pair.Peer, TcpState.FinWait2);
        }
        if (state is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck)
            gate.Hold([new HeldFlow(pair.Flow, null)]);
        if (state != TcpState.CloseWait)
            pair.Ours.Shutdown(SocketShutdown.Send);
        if (state is TcpState.FinWait2 or TcpState.TimeWait)
            Becomes(pair.Ours, TcpState.FinWait2);
        if (state == TcpState.TimeWait)                 // as it is over for us at once, the peer must not hear of it yet
            gate.Hold([new HeldFlow(pair.Flow, null)]);
        if (state is TcpState.Closing or TcpState.TimeWait)
            pair.Peer.Shutdown(SocketShutdown.Send);
        Becomes(pair.Ours, state == TcpState.TimeWait ? TcpState.Close : state);
    }

    private static void Becomes(Socket socket, TcpState state) => LockingPair.Until(() => SocketIdentity.ReadState(new SocketCalls((int)socket.Handle, "")) == state);

    private static int Resets()
    {
        string[][] lines = [.. File.ReadAllLines("/proc/thread-self/net/snmp").Where(l => l.StartsWith("Tcp:", StringComparison.Ordinal)).Select(l => l.Split(' '))];
        return int.Parse(lines[1][Array.IndexOf(lines[0], "OutRsts")], System.Globalization.CultureInfo.InvariantCulture);
    }
}
