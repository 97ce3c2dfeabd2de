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
    /// <param name="views">What has been seen of many connections.</param>
    /// <param name="isSendQueueSelected">Whether that queue is, in repair mode, afterwards.</param>
    public static TcpConnectionState Read(SocketCalls calls, in SocketIdentity identity, TcpFlow? flow, SavedOptions settings, ConnectionViews? views, out bool isSendQueueSelected)
    {
        if (flow is { } ends && identity.State == null && views != null && views.TryRead(calls, out var seen))
            return OfConnection(calls, identity.IsIPv6, ends, settings, seen, out isSendQueueSelected);
        var info = SocketIdentity.ReadInfo(calls);
        Refusals.CheckHandshake(calls, info.State);
        if (flow is { } both && info.State is not (TcpState.Listen or TcpState.SynSent))
            return OfConnection(calls, identity.IsIPv6, both, settings, ConnectionNumbers.Ask(calls, info), out isSendQueueSelected);
        isSendQueueSelected = flow != null;
        return OfOther(calls, identity, flow, settings, info);
    }

    private static TcpConnectionState OfConnection(SocketCalls calls, bool isIPv6, TcpFlow flow, SavedOptions settings, in ConnectionNumbers all, out bool isSendQueueSelected)
    {
        var (received, sent) = ReadQueues(calls, all, settings, out isSendQueueSelected);
        bool hasUnsentFin = FinsOf(all) != 0 && all.Unsent > 0;
        int error = all.State == TcpState.Close ? ErrorOf(calls) : 0;
        return new TcpConnectionState
        {
            State = all.State == TcpState.Close && error == 0 ? TcpState.TimeWait : all.State, IsIPv6 = isIPv6,
            Local = flow.Local, Remote = flow.Remote, Interface = isIPv6 ? InterfaceOf(flow.Remote) : null, Error = error,

            MaxSegment = all.MaxSegment,
            SendWindowScale = all.HasScale ? all.SendScale : null, ReceiveWindowScale = all.HasScale ? all.ReceiveScale : null, HasSack = all.HasSack, HasTimestamps = all.HasTimestamps,
            Timestamp = AheadOfAll(all),
            SendWl1 = all.Window.SendWl1, SendWindow = all.Window.SendWindow, MaxWindow = all.Window.MaxWindow,
            ReceiveWindow = all.Window.ReceiveWindow, ReceiveWindowUpdate = all.Window.ReceiveWindowUpdate,

            ReceiveSequence = all.ReceiveSequence, ReceiveQueue = received,
            SendSequence = all.SendSequence, SendQueue = sent, UnsentBytes = all.Unsent - (hasUnsentFin ? 1 : 0), IsFinUnsent = hasUnsentFin,

            ReuseAddress = settings.ReuseAddress, KeepAlive = settings.KeepAlive, Cork = IsCorked(calls, settings, all), IsNonBlocking = settings.IsNonBlocking,
            WantedMaxSegment = settings.WantedMaxSegment, SendBuffer = all.SendBuffer, ReceiveBuffer = all.ReceiveBuffer, BufferLocks = settings.BufferLocks, Options = settings.Others,
        };
    }

    /// <summary>Of one that listens, is being made, or is none.</summary>
    private static TcpConnectionState OfOther(SocketCalls calls, in SocketIdentity identity, TcpFlow? flow, SavedOptions settings, in TcpInfo info)
    {
        var memory = calls.Memory();
        return new TcpConnectionState
        {
            State = info.State, IsIPv6 = identity.IsIPv6,
            Local = flow?.Local ?? Bound(identity.Local), Remote = flow?.Remote, Interface = identity.IsIPv6 ? InterfaceOf(flow?.Remote ?? identity.Local.ToEndPoint()) : null,
            Backlog = info.State == TcpState.Listen ? info.Sacked : 0,
            SendSequence = flow != null ? ConnectionNumbers.Sequence(calls, Tcp.SEND_QUEUE, "TCP_QUEUE_SEQ of the send queue") : 0,
            ReuseAddress = settings.ReuseAddress, KeepAlive = settings.KeepAlive, Cork = settings.Cork, IsNonBlocking = settings.IsNonBlocking,
            WantedMaxSegment = settings.WantedMaxSegment, SendBuffer = memory.SendBuffer, ReceiveBuffer = memory.ReceiveBuffer, BufferLocks = settings.BufferLocks, Options = settings.Others,
        };
    }

    /// <summary>Applications cork a socket for a moment, while they write: only where bytes wait does it matter whose it is.</summary>
    private static bool IsCorked(SocketCalls calls, SavedOptions settings, in ConnectionNumbers all) =>
        settings.AreOfAnother && all.Unacknowledged != 0 ? calls.Get<int>(Inet.IPPROTO_TCP, Tcp.CORK, "TCP_CORK") != 0 : settings.Cork;

    private static IPEndPoint? Bound(in SocketAddress address) => address.ToEndPoint() is { Port: not 0 } end ? end : null;

    private static string? InterfaceOf(IPEndPoint end) => end.Address.ScopeId is not 0 and var scope ? NetworkInterfaces.NameOf((int)scope) : null;

    /// <summary>Closed is a connection that was reset, or one whose time is waited for (TIME_WAIT).</summary>
    private static int ErrorOf(SocketCalls calls) => calls.HasEvents(Poll.POLLERR) ? Errno.ECONNRESET : 0;

    /// <summary>
    /// A connection that is paced (BBR, SO_MAX_PACING_RATE, the queue fq) stamps what it sends, bare acknowledgements too, with the time at which the next segment is due: a
    /// clock ahead of TCP_TIMESTAMP by what one buffer takes at its rate (tcp_update_skb_after_send). A restored connection that began behind that would be taken for old by its
    /// peer (PAWS), until it has caught up. Ahead does no harm. Whether a connection is paced does not show.
    /// </summary>
    private static uint AheadOfAll(in ConnectionNumbers all)
    {
        const ulong MostBytes = 65536, Second = 1_000_000, Millisecond = 1000;   // of a buffer for segmentation offload; microseconds
        const int RateShift = 10, RoundTripShift = 9, Doubled = 2;               // tcp_tso_autosize; the rate may have been lower when it was sent
        if (all.PacingRate is 0 or ulong.MaxValue)
            return all.Timestamp;
        ulong burst = (all.PacingRate >> RateShift) + (MostBytes >> (int)Math.Min(31, all.SmallestRoundTrip >> RoundTripShift));
        ulong bytes = Math.Max(Math.Min(burst, MostBytes), 2 * (ulong)all.MaxSegment);
        ulong ahead = Math.Min(Doubled * bytes * Second / all.PacingRate, Second);
        bool isInMicroseconds = (all.Timestamp & 1) != 0;
        return all.Timestamp + (((uint)(isInMicroseconds ? ahead : ahead / Millisecond + 1) + 1) & ~1u);
    }

    /// <summary>First what was received, then what was sent.</summary>
    private static (ImmutableArray<byte> Received, ImmutableArray<byte> Sent) ReadQueues(SocketCalls calls, in ConnectionNumbers all, SavedOptions settings, out bool isSendQueueSelected)
    {
        ImmutableArray<byte> received = [], sent = [];
        isSendQueueSelected = false;
        if (all.Received > 0)
        {
            calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, Tcp.RECV_QUEUE, "TCP_REPAIR_QUEUE");
            received = ReadReceiveQueue(calls, all.Received, mayHaveOffset: settings.Others.Any(o => o is { Level: Sockets.SOL_SOCKET, Number: So.PEEK_OFF }));
        }
        int bytes = all.Unacknowledged - FinsOf(all);
        if (bytes > 0)
        {
            calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, Tcp.SEND_QUEUE, "TCP_REPAIR_QUEUE");
            sent = PeekSent(calls, bytes);
            isSendQueueSelected = true;
        }
        return (received, sent);
    }

    /// <summary>Our FIN takes a sequence number, and counts as a byte in both lengths of the send queue as long as it is not acknowledged.</summary>
    private static int FinsOf(in ConnectionNumbers all) => all.Unacknowledged > 0 && all.State is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck ? 1 : 0;

    private static ImmutableArray<byte> ReadReceiveQueue(SocketCalls calls, int length, bool mayHaveOffset)
    {
        int offset = Unused;
        bool hasOffset = mayHaveOffset && calls.TryGet(Sockets.SOL_SOCKET, So.PEEK_OFF, out offset) == 0 && offset >= 0;
        if (hasOffset)
            calls.Set(Sockets.SOL_SOCKET, So.PEEK_OFF, Unused, "SO_PEEK_OFF");      // peeking would begin there, and move it
        try
        {
            return PeekReceived(calls, length);
        }
        finally
        {
            if (hasOffset)
                calls.TrySet(Sockets.SOL_SOCKET, So.PEEK_OFF, offset);
        }
    }

    /// <summary>All of the receive queue; one byte more is asked for, to see that there is none.</summary>
    private static ImmutableArray<byte> PeekReceived(SocketCalls calls, int length)
    {
        CheckLength(calls, "receive", length);
        byte[] bytes = GC.AllocateUninitializedArray<byte>(length);
        Span<byte> more = stackalloc byte[1];
        long got = calls.Receive(bytes, more, Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
        if (Kernel.Failed(got))
            throw calls.Failed("reading the receive queue", got);
        return got == length ? ImmutableCollectionsMarshal.AsImmutableArray(bytes) : throw Changing(calls, "receive", length, got);
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
