using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Speaks for the peer to a connection that is being restored: what the peer had sent once must come once more, so that the kernel itself takes the steps from state to
/// state. It is an ordinary TCP socket of this namespace with the peer's address (IP_TRANSPARENT) and sequence numbers, made in repair mode, and closed without a word. So no
/// raw packets are needed.
/// </summary>
internal readonly struct FakePeer(SocketCalls ours, TcpConnectionState state, uint mark)
{
    private const int Patience = 1000;                  // milliseconds

    /// <summary>The peer's FIN, the last that it had sent.</summary>
    public void Finish(uint acknowledged)
    {
        using var peer = Make(state.ReceiveSequence - 1, acknowledged);
        var calls = CallsOf(peer);
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_OFF, "TCP_REPAIR off");
        calls.Check(Kernel.Call(Nr.shutdown, calls.Fd, Inet.SHUT_WR), "shutdown");
        EndSilently(calls, from: state.State is TcpState.TimeWait ? TcpState.Close : state.State is TcpState.LastAck ? TcpState.CloseWait : state.State);
    }

    /// <summary>The peer's acknowledgement of our FIN. The probe that leaves at the end of repair mode has the sequence number before the next.</summary>
    public void Acknowledge(uint acknowledged)
    {
        using var peer = Make(state.ReceiveSequence + 1, acknowledged);
        var calls = CallsOf(peer);
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_OFF, "TCP_REPAIR off");
        EndSilently(calls, from: state.State);
    }

    /// <summary>The peer's reset.</summary>
    public void Reset(uint acknowledged)
    {
        using (var peer = Make(state.ReceiveSequence, acknowledged))
        {
            var calls = CallsOf(peer);
            calls.Set(Inet.SOL_SOCKET, So.LINGER, (OnOff: 1, Seconds: 0), "SO_LINGER");
            calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_OFF, "TCP_REPAIR off");
        }
        Await(TcpState.Close);
    }

    /// <summary>A reset to what the kernel still keeps of the connection in TIME_WAIT, while ours is only bound. It must have the very next sequence number: RFC 1337.</summary>
    public void Dismiss(SocketAddress remote, uint acknowledged)
    {
        using var peer = Make(state.ReceiveSequence, acknowledged, remote);
        var calls = CallsOf(peer);
        calls.Set(Inet.SOL_SOCKET, So.LINGER, (OnOff: 1, Seconds: 0), "SO_LINGER");
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_OFF, "TCP_REPAIR off");
    }

    private SafeHandle Make(uint sequence, uint acknowledged, SocketAddress? name = null)
    {
        var fd = Kernel.Call(Nr.socket, state.IsIPv6 ? Inet.AF_INET6 : Inet.AF_INET, Inet.SOCK_STREAM | Inet.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        var handle = Kernel.Own(ours.Check(fd, "socket"));
        try
        {
            Connect(CallsOf(handle), sequence, acknowledged, name);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private SocketCalls CallsOf(SafeHandle handle) => new((int)handle.DangerousGetHandle(), $"the stand-in for the peer of {ours.Subject}");

    private void Connect(SocketCalls calls, uint sequence, uint acknowledged, SocketAddress? name)
    {
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_ON, "TCP_REPAIR");
        if (state.IsIPv6)
            calls.Set(Inet.IPPROTO_IPV6, Ipv6.TRANSPARENT, 1, "IPV6_TRANSPARENT");
        else
            calls.Set(Inet.IPPROTO_IP, Ip.TRANSPARENT, 1, "IP_TRANSPARENT");
        if (mark != 0)
            calls.Set(Inet.SOL_SOCKET, So.MARK, mark, "SO_MARK");
        if (name is not { } remote)
            ours.TryName(peer: true, out remote);
        ours.TryName(peer: false, out var local);
        calls.Check(calls.Bind(remote), "bind");
        SetSequence(calls, Tcp.SEND_QUEUE, sequence);
        SetSequence(calls, Tcp.RECV_QUEUE, acknowledged);
        calls.Check(calls.Connect(local), "connect", "Where both ends are in one network namespace, a half-closed connection can be restored only while the other end has no socket");
        const uint Window = 65535;
        var window = new TcpRepairWindow { SendWl1 = acknowledged, SendWindow = Window, MaxWindow = Window, ReceiveWindow = Window, ReceiveWindowUpdate = acknowledged };
        calls.Check(calls.TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_WINDOW, MemoryMarshal.AsBytes(new ReadOnlySpan<TcpRepairWindow>(in window))), "TCP_REPAIR_WINDOW");
    }

    private static void SetSequence(SocketCalls calls, int queue, uint sequence)
    {
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        calls.Set(Inet.IPPROTO_TCP, Tcp.QUEUE_SEQ, sequence, "TCP_QUEUE_SEQ");
    }

    /// <summary>Back in repair mode its end is not heard.</summary>
    private void EndSilently(SocketCalls calls, TcpState from)
    {
        Await(from);
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_ON, "TCP_REPAIR");
    }

    private void Await(TcpState wanted)
    {
        TcpState now;
        for (long until = Environment.TickCount64 + Patience; (now = SocketIdentity.ReadState(ours)) != wanted; Thread.Yield())
            if (Environment.TickCount64 > until)
                throw new SoccrException($"{ours.Subject} is {now} and did not become {wanted}: a packet filter of this host keeps what loopback carries from the peer's address");
    }
}
