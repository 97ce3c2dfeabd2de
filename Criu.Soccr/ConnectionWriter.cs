using System.Net;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Makes a connection anew, in repair mode: sequence numbers before connect, which then sends nothing; what was negotiated after it; then queues, windows and the FINs that
/// had been exchanged.
/// </summary>
internal struct ConnectionWriter(SocketCalls calls, TcpConnectionState state, SafeHandle handle, SoccrOptions options, NewSockets fresh)
{
    private const string NeedsCapability = "Run with CAP_NET_ADMIN in the user namespace that owns the network namespace";

    private int selected;                               // TCP_REPAIR_QUEUE: NO_QUEUE when repair mode begins
    private bool hasForcedBuffer;                       // the send buffer is larger than it was, and locked

    /// <param name="peerIsHere">Whether the other end is made already, in this network namespace: nobody can speak for it, and nobody need.</param>
    public void Make(bool peerIsHere)
    {
        fresh.Look(calls);
        SetOptions(OptionStage.Early);
        switch (state.State)
        {
            case TcpState.Listen:
                MakeListener();
                break;
            case TcpState.Close when state.Remote == null:
                SetOwnOptions();
                if (state.Local != null)
                    BindOrdinarily();
                break;
            case TcpState.SynSent:
                EnterRepair();
                BindTo(state.Local!);
                SetSequence(Tcp.SEND_QUEUE, state.SendSequence - 1);             // connect takes the next one
                SetKeys();
                break;
            default:
                MakeConnection(peerIsHere);
                break;
        }
        SetOptions(OptionStage.Late);
    }

    private void MakeListener()
    {
        SetOwnOptions();
        BindOrdinarily();
        SetOptions(OptionStage.Listener);
        SetKeys();
        calls.Check(Kernel.Call(Nr.listen, calls.Fd, state.Backlog), "listen");
    }

    /// <summary>What a connection has from the handshake, these have from the application.</summary>
    private void SetOwnOptions()
    {
        if (state.ReuseAddress)
            calls.Set(Sockets.SOL_SOCKET, So.REUSEADDR, 1, "SO_REUSEADDR");
        if (state.WantedMaxSegment != 0)
            calls.Set(Inet.IPPROTO_TCP, Tcp.MAXSEG, state.WantedMaxSegment, "TCP_MAXSEG");
    }

    private void BindOrdinarily() =>
        calls.Check(calls.Bind(SocketAddress.Of(WithScope(state.Local!))), "bind", "The address must be this host's, and free: end whoever uses it, or give both SO_REUSEADDR");

    private void MakeConnection(bool peerIsHere)
    {
        EnterRepair();
        if (SegmentBefore > 0)
            calls.Set(Inet.IPPROTO_TCP, Tcp.MAXSEG, SegmentBefore, "TCP_MAXSEG");        // else the first segments are of 524 bytes
        BindTo(state.Local!);
        SetSequence(Tcp.RECV_QUEUE, FirstReceived());
        SetSequence(Tcp.SEND_QUEUE, FirstSent());
        if (IsBoundByWindow && state.IsIPv6)
            SetWindow(received: 0);
        calls.Check(ConnectInRepair(), "connect (in repair mode)", "A socket with the same two ends still exists, or there is no route to the peer: close the one, set the other up");
        if (SegmentBefore > 0)
            calls.Set(Inet.IPPROTO_TCP, Tcp.MAXSEG, 0, "TCP_MAXSEG");
        SetNegotiated();
        SetKeys();
        Fill(Tcp.SEND_QUEUE, state.SendQueue.AsSpan()[..^state.UnsentBytes], "the send queue");      // first: it is selected still
        Fill(Tcp.RECV_QUEUE, state.ReceiveQueue.AsSpan(), "the receive queue");
        SetWindow(state.ReceiveQueue.Length);
        if (HasLargeSegment || IsBoundByWindow)
            calls.TrySet(Inet.IPPROTO_IP, Ip.OPTIONS, ReadOnlySpan<byte>.Empty);          // its side effect: the segment size is worked out again. Not over IPv6
        FillUnsent();
        CloseDirections(peerIsHere);
    }

    private bool HasLargeSegment => state.MaxSegment > short.MaxValue;

    /// <summary>The most that TCP_MAXSEG takes is enough, where the size is not worked out again.</summary>
    private int SegmentBefore => HasLargeSegment && !state.IsIPv6 ? 0 : Math.Min(state.MaxSegment, short.MaxValue);

    /// <summary>
    /// No segment is longer than half of the largest window that the peer has shown (tcp_bound_to_half_wnd). The kernel sees to that when it works the size out; one that is
    /// longer than the window would wait for a timer, each time.
    /// </summary>
    private bool IsBoundByWindow => state.MaxWindow / 2 < (uint)state.MaxSegment;

    private void SetKeys()
    {
        foreach (var key in state.Md5Keys)
            calls.Check(Md5Keys.Set(calls, key, state.IsIPv6), $"TCP_MD5SIG for {key}", "The kernel must have TCP_MD5SIG: without the key the peer would hear nothing");
    }

    /// <summary>A connection that is over may still be in the kernel's keeping, on the host where it ended a minute ago: it is dismissed, as ours comes in its place.</summary>
    private long ConnectInRepair()
    {
        var remote = SocketAddress.Of(WithScope(state.Remote!));
        long result = calls.Connect(remote);
        if (result != -Errno.EADDRNOTAVAIL || state.State != TcpState.TimeWait)
            return result;
        new FakePeer(calls, state, options).Dismiss(remote, FirstUnacknowledged());
        return calls.Connect(remote);
    }

    private void EnterRepair()
    {
        int result = options.Switch.Switch(handle, RepairMode.On);
        if (result < 0)
            throw calls.Failed("TCP_REPAIR", result, NeedsCapability + ", or use a repair helper");
    }

    private void BindTo(IPEndPoint local) =>
        calls.Check(calls.Bind(SocketAddress.Of(WithScope(local))), "bind", "The address must be one of this host: let it move along with the connection");

    /// <summary>A link-local address belongs to an interface, which may have another number here.</summary>
    private IPEndPoint WithScope(IPEndPoint end) =>
        state.Interface != null && end.Address.IsIPv6LinkLocal ? new IPEndPoint(new IPAddress(end.Address.GetAddressBytes(), NumberOf(state.Interface)), end.Port) : end;

    private static int NumberOf(string name) => NetworkInterfaces.NumberOf(name) is not 0 and var number
        ? number
        : throw new SoccrException($"there is no network interface {name}, to which a link-local address belongs");

    private uint FirstReceived() => state.ReceiveSequence - (state.HasReceivedFin ? 1u : 0) - (uint)state.ReceiveQueue.Length;

    private uint FirstSent() => state.SendSequence - (state.HasSentFin ? 1u : 0) - (uint)state.SendQueue.Length;

    /// <summary>The first sequence number that the peer has not acknowledged.</summary>
    private uint FirstUnacknowledged() => state.State is TcpState.FinWait2 or TcpState.TimeWait ? state.SendSequence : FirstSent();

    private void Select(int queue)
    {
        if (queue != selected)
            calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        selected = queue;
    }

    private void SetSequence(int queue, uint sequence)
    {
        Select(queue);
        calls.Set(Inet.IPPROTO_TCP, Tcp.QUEUE_SEQ, sequence, "TCP_QUEUE_SEQ");
    }

    private void SetNegotiated()
    {
        Span<TcpRepairOption> all = stackalloc TcpRepairOption[4];
        int count = 0;
        all[count++] = new TcpRepairOption { Code = TcpOptionKind.Mss, Value = (uint)state.MaxSegment };
        if (state is { SendWindowScale: { } send, ReceiveWindowScale: { } receive })
            all[count++] = new TcpRepairOption { Code = TcpOptionKind.Window, Value = (uint)(send | receive << 16) };
        if (state.HasSack)
            all[count++] = new TcpRepairOption { Code = TcpOptionKind.SackPermitted };
        if (state.HasTimestamps)
            all[count++] = new TcpRepairOption { Code = TcpOptionKind.Timestamp };
        calls.Check(calls.TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_OPTIONS, MemoryMarshal.AsBytes(all[..count])), "TCP_REPAIR_OPTIONS");
        if (!state.HasTimestamps)
            return;
        const uint ClockKind = 1, Rounding = 2;         // milliseconds are rounded when they are told: never go back
        calls.Set(Inet.IPPROTO_TCP, Tcp.TIMESTAMP, (state.Timestamp & ClockKind) != 0 ? state.Timestamp : state.Timestamp + Rounding, "TCP_TIMESTAMP");
    }

    /// <summary>A queue may be larger than the buffers of a new socket. The limits come back at the end.</summary>
    private bool TryMakeRoom()
    {
        const int Overhead = 4;                         // bookkeeping of the kernel, at worst
        if (hasForcedBuffer || state.SendQueue.Length == 0)
            return false;
        hasForcedBuffer = true;
        return options.Switch.TrySet(handle, Sockets.SOL_SOCKET, So.SNDBUFFORCE, (int)Math.Min(int.MaxValue / 2, (long)state.SendQueue.Length * Overhead)) == 0;
    }

    private void Fill(int queue, ReadOnlySpan<byte> data, string what)
    {
        if (data.Length == 0)
            return;
        Select(queue);
        SendAll(data, what);
    }

    private void SendAll(ReadOnlySpan<byte> data, string what)
    {
        const int Chunk = 64 << 10;                     // one call takes little more
        while (data.Length > 0)
        {
            long sent = calls.Send(data[..Math.Min(data.Length, Chunk)], Sockets.MSG_DONTWAIT);
            if (sent == -Errno.EAGAIN && TryMakeRoom())
                continue;
            if (Kernel.Failed(sent))
                throw calls.Failed($"filling {what}, {data.Length} bytes to go,", sent);
            data = data[(int)sent..];
        }
    }

    /// <param name="received">How much of the receive queue is there; the window is told from its end on.</param>
    private void SetWindow(int received)
    {
        uint fin = state.HasReceivedFin ? 1u : 0, missing = (uint)(state.ReceiveQueue.Length - received);        // its FIN is still to come: see CloseDirections
        uint edge = state.ReceiveSequence + state.ReceiveWindow;
        // A window that closed for want of memory ends before what the peer had sent, and was last heard of; the kernel refuses that (EINVAL). Earlier only means that the next news counts.
        uint heard = (int)(state.SendWl1 - edge) > 0 ? edge : state.SendWl1;
        var window = new TcpRepairWindow
        {
            SendWl1 = heard - missing, SendWindow = state.SendWindow, MaxWindow = Math.Max(state.MaxWindow, state.SendWindow), ReceiveWindow = state.ReceiveWindow + fin,
            ReceiveWindowUpdate = state.ReceiveWindowUpdate - fin - missing,
        };
        calls.Check(calls.TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_WINDOW, MemoryMarshal.AsBytes(new ReadOnlySpan<TcpRepairWindow>(in window))), "TCP_REPAIR_WINDOW");
    }

    /// <summary>
    /// What was never sent must not look sent, or it would wait for a retransmission: it is written outside repair mode, and corked. Should the process be killed meanwhile, the
    /// kernel forgets the connection (SO_LINGER 0): else it would go on by itself, with a FIN, and its two ends be taken.
    /// </summary>
    private void FillUnsent()
    {
        if (state.UnsentBytes == 0)
            return;
        calls.Set(Sockets.SOL_SOCKET, So.LINGER, new Linger { OnOff = 1 }, "SO_LINGER");
        Switch(RepairMode.OffQuietly);
        calls.Set(Inet.IPPROTO_TCP, Tcp.CORK, 1, "TCP_CORK");
        SendAll(state.SendQueue.AsSpan()[^state.UnsentBytes..], "the unsent part of the send queue");
        Switch(RepairMode.On);
        calls.Set(Sockets.SOL_SOCKET, So.LINGER, default(Linger), "SO_LINGER");
    }

    private void Switch(RepairMode mode)
    {
        int result = options.Switch.Switch(handle, mode);
        if (result < 0)
            throw calls.Failed("TCP_REPAIR", result, NeedsCapability);
        selected = Tcp.NO_QUEUE;                        // switched on, or off
    }

    private void CloseDirections(bool peerIsHere)
    {
        var peer = new FakePeer(calls, state, options);
        switch (state.State)
        {
            case TcpState.FinWait1:
                CloseOurs();
                break;
            case TcpState.FinWait2:
                CloseOurs();
                if (!peerIsHere)                        // else it answers our probe with that
                    peer.Acknowledge(FirstUnacknowledged());
                break;
            case TcpState.CloseWait:
                peer.Finish(FirstUnacknowledged());
                break;
            case TcpState.LastAck:
                peer.Finish(FirstUnacknowledged());
                CloseOurs();
                break;
            case TcpState.Closing:
            case TcpState.TimeWait:
                CloseOurs();
                peer.Finish(FirstUnacknowledged());
                break;
            case TcpState.Close:
                peer.Reset(FirstUnacknowledged());
                break;
        }
    }

    /// <summary>From the send queue under repair a FIN counts as sent, and is not.</summary>
    private void CloseOurs()
    {
        Select(state.IsFinUnsent ? Tcp.NO_QUEUE : Tcp.SEND_QUEUE);
        calls.Check(Kernel.Call(Nr.shutdown, calls.Fd, Sockets.SHUT_WR), "shutdown");
    }

    private void SetOptions(OptionStage stage)
    {
        foreach (var option in state.Options)
            if (OptionTable.StageOf(option.Level, option.Number) == stage)
                calls.Check(options.Switch.TrySet(handle, option.Level, option.Number, option.Value.AsSpan()), option.ToString(),
                    "The network namespace or the kernel lacks what the option needs; restore without it (Options)");
    }

    /// <summary>The connection is on its own again: what repair mode used gets the values of before.</summary>
    public void Finish()
    {
        SetBuffers();
        if (state.Flow != null && state.ReuseAddress)
            calls.Set(Sockets.SOL_SOCKET, So.REUSEADDR, 1, "SO_REUSEADDR");
        if (state.KeepAlive)
            calls.Set(Sockets.SOL_SOCKET, So.KEEPALIVE, 1, "SO_KEEPALIVE");
        if (state.Cork || state.UnsentBytes > 0)
            calls.Set(Inet.IPPROTO_TCP, Tcp.CORK, state.Cork ? 1 : 0, "TCP_CORK");
    }

    private void SetBuffers()
    {
        bool isLocked = state.BufferLocks != 0;
        // The kernel lets an unlocked send buffer grow with the congestion window, which is small again. A receive buffer must hold what our window promises.
        bool setsSend = hasForcedBuffer || isLocked, setsReceive = isLocked || fresh.ReceiveBuffer < state.ReceiveBuffer;
        if (setsSend)
            SetBuffer(So.SNDBUFFORCE, So.SNDBUF, state.SendBuffer, "SO_SNDBUFFORCE");
        if (setsReceive)
            SetBuffer(So.RCVBUFFORCE, So.RCVBUF, state.ReceiveBuffer, "SO_RCVBUFFORCE");
        if (setsSend || setsReceive)
            calls.TrySet(Sockets.SOL_SOCKET, So.BUF_LOCK, state.BufferLocks);       // setting one has locked it. ENOPROTOOPT before 5.14
    }

    /// <summary>The kernel doubles what it is given. Within the limits of the system, net.core.wmem_max and rmem_max, it takes no privilege.</summary>
    private void SetBuffer(int forced, int plain, int size, string name)
    {
        long result = options.Switch.TrySet(handle, Sockets.SOL_SOCKET, forced, size / 2);
        if (result == -Errno.EPERM && calls.TrySet(Sockets.SOL_SOCKET, plain, size / 2) == 0 && calls.Get<int>(Sockets.SOL_SOCKET, plain, name) >= size)
            return;
        calls.Check(result, name, NeedsCapability);
    }
}
