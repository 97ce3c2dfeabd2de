using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Reads a connection in repair mode. Nothing is consumed, nothing is sent.</summary>
internal static class ConnectionReader
{
    private const int Unused = -1;

    /// <param name="calls">Calls on it.</param>
    /// <param name="identity">Which it is.</param>
    /// <param name="flow">Its two ends, where it has two: made once.</param>
    /// <param name="settings">Options, as they were before repair mode.</param>
    public static TcpConnectionState Read(SocketCalls calls, in SocketIdentity identity, TcpFlow? flow, SavedOptions settings)
    {
        var info = SocketIdentity.ReadInfo(calls);
        Refusals.CheckHandshake(calls, info.State);
        bool hasPeer = flow != null, isConnection = hasPeer && info.State is not (TcpState.Listen or TcpState.SynSent), hasScale = (info.Options & TcpInfoOptions.WSCALE) != 0;
        var window = isConnection ? ReadWindow(calls) : default;
        var memory = default(SocketMemory);
        Queue receive = default, send = default;
        if (isConnection)
            (receive, send) = ReadQueues(calls, info.State, mayHaveOffset: settings.Others.Any(o => o is { Level: Sockets.SOL_SOCKET, Number: So.PEEK_OFF }), out memory);
        else
            memory = calls.Memory();
        if (hasPeer && info.State == TcpState.SynSent)
            send.Sequence = Sequence(calls, Tcp.SEND_QUEUE, "TCP_QUEUE_SEQ of the send queue");
        int segment = isConnection ? calls.Get<int>(Inet.IPPROTO_TCP, Tcp.MAXSEG, "TCP_MAXSEG") : 0;
        int error = isConnection && info.State == TcpState.Close ? ErrorOf(calls) : 0;
        return new TcpConnectionState
        {
            State = isConnection && info.State == TcpState.Close && error == 0 ? TcpState.TimeWait : info.State, IsIPv6 = identity.IsIPv6,
            Local = flow?.Local ?? Bound(identity.Local), Remote = flow?.Remote, Interface = identity.IsIPv6 ? InterfaceOf(flow?.Remote ?? identity.Local.ToEndPoint()) : null,
            Error = error, Backlog = info.State == TcpState.Listen ? info.Sacked : 0,

            MaxSegment = segment,
            SendWindowScale = isConnection && hasScale ? info.SendScale : null, ReceiveWindowScale = isConnection && hasScale ? info.ReceiveScale : null,
            HasSack = isConnection && (info.Options & TcpInfoOptions.SACK) != 0, HasTimestamps = isConnection && (info.Options & TcpInfoOptions.TIMESTAMPS) != 0,
            Timestamp = isConnection ? AheadOfAll(calls.Get<uint>(Inet.IPPROTO_TCP, Tcp.TIMESTAMP, "TCP_TIMESTAMP"), info, segment) : 0,
            SendWl1 = window.SendWl1, SendWindow = window.SendWindow, MaxWindow = window.MaxWindow, ReceiveWindow = window.ReceiveWindow, ReceiveWindowUpdate = window.ReceiveWindowUpdate,

            ReceiveSequence = receive.Sequence, ReceiveQueue = receive.Bytes.IsDefault ? [] : receive.Bytes,
            SendSequence = send.Sequence, SendQueue = send.Bytes.IsDefault ? [] : send.Bytes, UnsentBytes = send.Unsent, IsFinUnsent = send.IsFinUnsent,

            ReuseAddress = settings.ReuseAddress, KeepAlive = settings.KeepAlive, Cork = IsCorked(calls, settings, memory), IsNonBlocking = settings.IsNonBlocking,
            WantedMaxSegment = settings.WantedMaxSegment, SendBuffer = memory.SendBuffer, ReceiveBuffer = memory.ReceiveBuffer, BufferLocks = settings.BufferLocks, Options = settings.Others,
        };
    }

    /// <summary>A queue; Bytes is default where it is empty.</summary>
    private struct Queue
    {
        public uint Sequence;
        public ImmutableArray<byte> Bytes;
        public int Unsent;
        public bool IsFinUnsent;
    }

    /// <summary>Applications cork a socket for a moment, while they write: only where bytes wait does it matter whose it is.</summary>
    private static bool IsCorked(SocketCalls calls, SavedOptions settings, in SocketMemory memory) =>
        settings.AreOfAnother && memory.Queued != 0 ? calls.Get<int>(Inet.IPPROTO_TCP, Tcp.CORK, "TCP_CORK") != 0 : settings.Cork;

    private static IPEndPoint? Bound(in SocketAddress address) => address.ToEndPoint() is { Port: not 0 } end ? end : null;

    private static string? InterfaceOf(IPEndPoint end) => end.Address.ScopeId is not 0 and var scope ? NetworkInterfaces.NameOf((int)scope) : null;

    private static TcpRepairWindow ReadWindow(SocketCalls calls)
    {
        var window = default(TcpRepairWindow);
        calls.Check(calls.TryGet(Inet.IPPROTO_TCP, Tcp.REPAIR_WINDOW, MemoryMarshal.AsBytes(new Span<TcpRepairWindow>(ref window))), "TCP_REPAIR_WINDOW");
        return window;
    }

    /// <summary>Closed is a connection that was reset, or one whose time is waited for (TIME_WAIT).</summary>
    private static int ErrorOf(SocketCalls calls) => calls.HasEvents(Poll.POLLERR) ? Errno.ECONNRESET : 0;

    /// <summary>
    /// A connection that is paced (BBR, SO_MAX_PACING_RATE, the queue fq) stamps what it sends, bare acknowledgements too, with the time at which the next segment is due: a
    /// clock ahead of TCP_TIMESTAMP by what one buffer takes at its rate (tcp_update_skb_after_send). A restored connection that began behind that would be taken for old by its
    /// peer (PAWS), until it has caught up. Ahead does no harm. Whether a connection is paced does not show.
    /// </summary>
    private static uint AheadOfAll(uint clock, in TcpInfo info, int segment)
    {
        const ulong MostBytes = 65536, Second = 1_000_000, Millisecond = 1000;   // of a buffer for segmentation offload; microseconds
        const int RateShift = 10, RoundTripShift = 9, Doubled = 2;               // tcp_tso_autosize; the rate may have been lower when it was sent
        if (info.PacingRate is 0 or ulong.MaxValue)
            return clock;
        ulong burst = (info.PacingRate >> RateShift) + (MostBytes >> (int)Math.Min(31, info.SmallestRoundTrip >> RoundTripShift));
        ulong bytes = Math.Max(Math.Min(burst, MostBytes), 2 * (ulong)segment);
        ulong ahead = Math.Min(Doubled * bytes * Second / info.PacingRate, Second);
        bool isInMicroseconds = (clock & 1) != 0;
        return clock + (((uint)(isInMicroseconds ? ahead : ahead / Millisecond + 1) + 1) & ~1u);
    }

    private static uint Sequence(SocketCalls calls, int queue, string name)
    {
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        return calls.Get<uint>(Inet.IPPROTO_TCP, Tcp.QUEUE_SEQ, name);
    }

    /// <summary>
    /// Each queue is selected once: 1. the sequence number of what was received; 2. what the kernel holds, behind it, so that what comes in between shows; 3. what was received;
    /// 4. the sequence number of what was sent, and the send queue, which stays selected: <see cref="PausedConnection.Leave"/> wants it so.
    /// </summary>
    private static (Queue Receive, Queue Send) ReadQueues(SocketCalls calls, TcpState state, bool mayHaveOffset, out SocketMemory memory)
    {
        var receive = new Queue { Sequence = Sequence(calls, Tcp.RECV_QUEUE, "TCP_QUEUE_SEQ of the receive queue") };
        memory = calls.Memory();
        if (memory.Received != 0)
            receive.Bytes = ReadReceiveQueue(calls, mayHaveOffset);
        var send = new Queue { Sequence = Sequence(calls, Tcp.SEND_QUEUE, "TCP_QUEUE_SEQ of the send queue") };
        if (state != TcpState.Close && memory.Queued != 0)
            ReadSendQueue(calls, state, ref send);
        return (receive, send);
    }

    /// <summary>Of the receive queue, which is selected. Memory takes also what came out of order, which is none of it; and a look at an empty queue would take a pending error away.</summary>
    private static ImmutableArray<byte> ReadReceiveQueue(SocketCalls calls, bool mayHaveOffset)
    {
        Refusals.CheckUrgent(calls);
        int waiting = calls.Ask(Inet.FIONREAD, "SIOCINQ");
        if (waiting == 0)
            return default;
        int offset = Unused;
        bool hasOffset = mayHaveOffset && calls.TryGet(Sockets.SOL_SOCKET, So.PEEK_OFF, out offset) == 0 && offset >= 0;
        if (hasOffset)
            calls.Set(Sockets.SOL_SOCKET, So.PEEK_OFF, Unused, "SO_PEEK_OFF");      // peeking would begin there, and move it
        try
        {
            return PeekReceived(calls, waiting);
        }
        finally
        {
            if (hasOffset)
                calls.TrySet(Sockets.SOL_SOCKET, So.PEEK_OFF, offset);
        }
    }

    /// <summary>A FIN takes a sequence number, and counts as a byte in both lengths as long as it is not acknowledged.</summary>
    private static void ReadSendQueue(SocketCalls calls, TcpState state, ref Queue queue)
    {
        int unacknowledged = calls.Ask(Inet.TIOCOUTQ, "SIOCOUTQ"), unsent = calls.Ask(Inet.SIOCOUTQNSD, "SIOCOUTQNSD");
        bool hasFin = state is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck;
        int fin = hasFin && unacknowledged > 0 ? 1 : 0, unsentFin = fin != 0 && unsent > 0 ? 1 : 0;
        int bytes = unacknowledged - fin;
        if (bytes > 0)
            queue.Bytes = PeekSent(calls, bytes);
        (queue.Unsent, queue.IsFinUnsent) = (unsent - unsentFin, unsentFin != 0);
    }

    /// <summary>All of the receive queue; one byte more is asked for, to see that there is none.</summary>
    private static ImmutableArray<byte> PeekReceived(SocketCalls calls, int length)
    {
        CheckLength(calls, "receive", length);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length + 1);
        try
        {
            long got = calls.Receive(buffer.AsSpan(0, length + 1), Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
            if (Kernel.Failed(got))
                throw calls.Failed("reading the receive queue", got);
            return got == length ? [.. buffer.AsSpan(0, length)] : throw Changing(calls, "receive", length, got);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// The last so many bytes of the send queue. A look at it tells its whole length, whatever there is room for (tcp_peek_sndq). That may be more: the kernel keeps what was sent
    /// in segments, and one of them may be acknowledged in part (it was put together of several to be sent again); the look then begins with bytes that the peer has.
    /// </summary>
    private static ImmutableArray<byte> PeekSent(SocketCalls calls, int length)
    {
        CheckLength(calls, "send", length);
        byte[] bytes = GC.AllocateUninitializedArray<byte>(length);
        int whole = PeekSent(calls, bytes, length);
        if (whole == length)
            return ImmutableCollectionsMarshal.AsImmutableArray(bytes);
        byte[] all = GC.AllocateUninitializedArray<byte>(whole);
        whole = PeekSent(calls, all, length);
        return whole == all.Length ? [.. all.AsSpan(whole - length)] : throw Changing(calls, "send", length, whole);
    }

    private static int PeekSent(SocketCalls calls, byte[] into, int length)
    {
        long got = calls.Receive(into, Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
        if (Kernel.Failed(got))
            throw calls.Failed("reading the send queue", got);
        return got >= length && got <= TcpConnectionState.MaxQueueBytes ? (int)got : throw Changing(calls, "send", length, got);
    }

    private static void CheckLength(SocketCalls calls, string queue, int length)
    {
        if (length > TcpConnectionState.MaxQueueBytes)
            throw new SoccrException($"the {queue} queue of {calls.Subject} holds {length} bytes, more than can be saved");
    }

    private static SoccrException Changing(SocketCalls calls, string queue, int length, long got) =>
        new($"the {queue} queue of {calls.Subject} holds {length} bytes, but {got} could be read: hold its traffic while it is saved");
}
