using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Speaks for the peer to a connection that is being restored: what the peer had sent once must come once more, so that the kernel itself takes the steps from state to
/// state. It is an ordinary TCP socket of this namespace with the peer's address (IP_TRANSPARENT) and sequence numbers, made in repair mode, and closed without a word. So no
/// raw packets are needed. Only where the peer itself has its socket in this namespace there can be no second one, and <see cref="RawSegment"/> says it.
/// </summary>
internal readonly struct FakePeer(SocketCalls ours, TcpConnectionState state, SoccrOptions options)
{
    private const int Patience = 1000;                  // milliseconds

    /// <summary>The peer's FIN, the last that it had sent.</summary>
    public void Finish(uint acknowledged)
    {
        using var peer = Make(state.ReceiveSequence - 1, acknowledged);
        var wanted = state.State is TcpState.TimeWait ? TcpState.Close : state.State is TcpState.LastAck ? TcpState.CloseWait : state.State;
        if (peer == null)
        {
            Say(RawSegment.Fin, state.ReceiveSequence - 1, acknowledged);
            Await(wanted);
            return;
        }
        var calls = CallsOf(peer);
        Switch(peer, RepairMode.Off);
        calls.Check(Kernel.Call(Nr.shutdown, calls.Fd, Sockets.SHUT_WR), "shutdown");
        EndSilently(peer, from: wanted);
    }

    /// <summary>The peer's acknowledgement of our FIN. The probe that leaves at the end of repair mode has the sequence number before the next.</summary>
    public void Acknowledge(uint acknowledged)
    {
        using var peer = Make(state.ReceiveSequence + 1, acknowledged);
        if (peer == null)                               // it is alive here, and answers our probe with that
            return;
        Switch(peer, RepairMode.Off);
        EndSilently(peer, from: state.State);
    }

    /// <summary>The peer's reset.</summary>
    public void Reset(uint acknowledged)
    {
        EndByReset(acknowledged, null);
        Await(TcpState.Close);
    }

    /// <summary>A reset to what the kernel still keeps of the connection in TIME_WAIT, while ours is only bound. It must have the very next sequence number: RFC 1337.</summary>
    public void Dismiss(SocketAddress remote, uint acknowledged) => EndByReset(acknowledged, remote);

    private void EndByReset(uint acknowledged, SocketAddress? remote)
    {
        using var peer = Make(state.ReceiveSequence, acknowledged, remote);
        if (peer == null)
        {
            Say(RawSegment.Reset, state.ReceiveSequence, acknowledged, remote);
            return;
        }
        var calls = CallsOf(peer);
        calls.Set(Sockets.SOL_SOCKET, So.LINGER, (OnOff: 1, Seconds: 0), "SO_LINGER");
        Switch(peer, RepairMode.Off);
    }

    /// <summary>An acknowledgement comes first: connection tracking may have forgotten a half-closed connection, and takes one up by that, not by its end.</summary>
    private void Say(byte flag, uint sequence, uint acknowledged, SocketAddress? name = null)
    {
        ours.TryName(out var local);
        if (name is not { } remote)
            ours.TryPeerName(local, out remote);
        var (from, to, subject) = (remote.ToEndPoint(), local.ToEndPoint(), $"the stand-in for the peer of {ours.Subject}");
        foreach (var key in state.Md5Keys)
            if (key.IsFor(from.Address))
                throw new SoccrException($"{ours.Subject} is half-closed and signed (TCP_MD5SIG), and its peer has a socket in this network namespace: restore both ends together");
        ushort window = (ushort)Math.Min(ushort.MaxValue, state.SendWindow >> (state.SendWindowScale ?? 0));
        RawSegment.Send(from, to, RawSegment.Acknowledgement, sequence, acknowledged, window, options, subject);
        RawSegment.Send(from, to, (byte)(flag | RawSegment.Acknowledgement), sequence, acknowledged, window, options, subject);
    }

    /// <summary>Null where the peer itself has a socket here: the two ends are taken.</summary>
    private SafeHandle? Make(uint sequence, uint acknowledged, SocketAddress? name = null)
    {
        var fd = Kernel.Call(Nr.socket, state.IsIPv6 ? Sockets.AF_INET6 : Sockets.AF_INET, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        var handle = Kernel.Own(ours.Check(fd, "socket"));
        try
        {
            if (TryConnect(handle, sequence, acknowledged, name))
                return handle;
            handle.Dispose();
            return null;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private SocketCalls CallsOf(SafeHandle handle) => new((int)handle.DangerousGetHandle(), $"the stand-in for the peer of {ours.Subject}");

    private bool TryConnect(SafeHandle peer, uint sequence, uint acknowledged, SocketAddress? name)
    {
        var calls = CallsOf(peer);
        Switch(peer, RepairMode.On);
        if (state.IsIPv6)
            calls.Check(options.Switch.TrySet(peer, Inet.IPPROTO_IPV6, Ipv6.TRANSPARENT, 1), "IPV6_TRANSPARENT");
        else
            calls.Check(options.Switch.TrySet(peer, Inet.IPPROTO_IP, Ip.TRANSPARENT, 1), "IP_TRANSPARENT");
        if (options.Lock?.Mark is { } mark and not 0)
            calls.Check(options.Switch.TrySet(peer, Sockets.SOL_SOCKET, So.MARK, (int)mark), "SO_MARK");
        ours.TryName(out var local);
        if (name is not { } remote)
            ours.TryPeerName(local, out remote);
        calls.Check(calls.Bind(remote), "bind");
        SetSequence(calls, Tcp.SEND_QUEUE, sequence);
        SetSequence(calls, Tcp.RECV_QUEUE, acknowledged);
        long result = calls.Connect(local);
        if (result == -Errno.EADDRNOTAVAIL)
            return false;
        calls.Check(result, "connect");
        foreach (var key in state.Md5Keys.OrderBy(k => k.PrefixLength))
            if (key.IsFor(state.Remote!.Address))       // the longest prefix last: it is the one that counts
                calls.Check(Md5Keys.Set(calls, OfUs(key), state.IsIPv6), $"TCP_MD5SIG for {key}");
        const uint Window = 65535;
        var window = new TcpRepairWindow { SendWl1 = acknowledged, SendWindow = Window, MaxWindow = Window, ReceiveWindow = Window, ReceiveWindowUpdate = acknowledged };
        calls.Check(calls.TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_WINDOW, MemoryMarshal.AsBytes(new ReadOnlySpan<TcpRepairWindow>(in window))), "TCP_REPAIR_WINDOW");
        return true;
    }

    /// <summary>The peer has it for our address.</summary>
    private TcpMd5Key OfUs(TcpMd5Key key)
    {
        var own = state.Local!.Address;
        return key with { Address = own.IsIPv4MappedToIPv6 ? own.MapToIPv4() : own, PrefixLength = key.IsIPv6 ? 128 : 32 };
    }

    private static void SetSequence(SocketCalls calls, int queue, uint sequence)
    {
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        calls.Set(Inet.IPPROTO_TCP, Tcp.QUEUE_SEQ, sequence, "TCP_QUEUE_SEQ");
    }

    /// <summary>Back in repair mode its end is not heard.</summary>
    private void EndSilently(SafeHandle peer, TcpState from)
    {
        Await(from);
        Switch(peer, RepairMode.On);
    }

    private void Switch(SafeHandle peer, RepairMode mode)
    {
        int result = options.Switch.Switch(peer, mode);
        if (result < 0)
            throw CallsOf(peer).Failed($"TCP_REPAIR {mode}", result);
    }

    private void Await(TcpState wanted)
    {
        TcpState now;
        for (long until = Environment.TickCount64 + Patience; (now = SocketIdentity.ReadState(ours)) != wanted; Thread.Yield())
            if (Environment.TickCount64 > until)
                throw new SoccrException($"{ours.Subject} is {now} and did not become {wanted}: a packet filter of this host keeps what loopback carries from the peer's address");
    }
}
