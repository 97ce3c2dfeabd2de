using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Reads a connection in repair mode. Nothing is consumed, nothing is sent.</summary>
internal static class ConnectionReader
{
    private const int Unused = -1;

    public static TcpConnectionState Read(SocketCalls calls, in SocketIdentity identity, SavedOptions settings)
    {
        var info = SocketIdentity.ReadInfo(calls);
        var state = new TcpConnectionState
        {
            State = info.State, IsIPv6 = identity.IsIPv6, Local = Bound(identity.Local), Remote = identity.HasPeer ? identity.Remote.ToEndPoint() : null,
            Interface = InterfaceOf(identity), Backlog = info.State == TcpState.Listen ? info.Sacked : 0,
            ReuseAddress = settings.ReuseAddress, KeepAlive = settings.KeepAlive, Cork = settings.Cork, IsNonBlocking = settings.IsNonBlocking, WantedMaxSegment = settings.WantedMaxSegment,
            SendBuffer = settings.SendBuffer, ReceiveBuffer = settings.ReceiveBuffer, BufferLocks = settings.BufferLocks, Options = settings.Others,
        };
        if (info.State == TcpState.Listen || !identity.HasPeer)
            return state;
        if (info.State == TcpState.SynSent)
            return state with { SendSequence = Sequence(calls, Tcp.SEND_QUEUE, "TCP_QUEUE_SEQ of the send queue") };
        return ReadConnection(calls, state, info);
    }

    private static IPEndPoint? Bound(in SocketAddress address) => address.ToEndPoint() is { Port: not 0 } end ? end : null;

    private static string? InterfaceOf(in SocketIdentity identity)
    {
        long scope = identity is { IsIPv6: true, HasPeer: true } ? identity.Remote.ToEndPoint().Address.ScopeId : identity.IsIPv6 ? identity.Local.ToEndPoint().Address.ScopeId : 0;
        return scope == 0 ? null : Interfaces.NameOf((uint)scope);
    }

    private static TcpConnectionState ReadConnection(SocketCalls calls, TcpConnectionState state, TcpInfo info)
    {
        var window = default(TcpRepairWindow);
        calls.Check(calls.TryGet(Inet.IPPROTO_TCP, Tcp.REPAIR_WINDOW, MemoryMarshal.AsBytes(new Span<TcpRepairWindow>(ref window))), "TCP_REPAIR_WINDOW");
        bool hasScale = (info.Options & TcpInfoOptions.WSCALE) != 0;
        state = state with
        {
            MaxSegment = calls.Get<int>(Inet.IPPROTO_TCP, Tcp.MAXSEG, "TCP_MAXSEG"), SendWindowScale = hasScale ? info.SendScale : null, ReceiveWindowScale = hasScale ? info.ReceiveScale : null,
            HasSack = (info.Options & TcpInfoOptions.SACK) != 0, HasTimestamps = (info.Options & TcpInfoOptions.TIMESTAMPS) != 0,
            Timestamp = AheadOfAll(calls.Get<uint>(Inet.IPPROTO_TCP, Tcp.TIMESTAMP, "TCP_TIMESTAMP"), info, calls.Get<int>(Inet.IPPROTO_TCP, Tcp.MAXSEG, "TCP_MAXSEG")),
            SendWl1 = window.SendWl1, SendWindow = window.SendWindow, MaxWindow = window.MaxWindow, ReceiveWindow = window.ReceiveWindow, ReceiveWindowUpdate = window.ReceiveWindowUpdate,
        };
        state = ReadSendQueue(calls, ReadReceiveQueue(calls, state));
        if (state.State != TcpState.Close)
            return state;
        const short Error = 8;                          // POLLERR
        return calls.HasEvents(Error) ? state with { Error = Errno.ECONNRESET } : state with { State = TcpState.TimeWait };
    }

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

    private static TcpConnectionState ReadReceiveQueue(SocketCalls calls, TcpConnectionState state)
    {
        uint sequence = Sequence(calls, Tcp.RECV_QUEUE, "TCP_QUEUE_SEQ of the receive queue");
        int waiting = calls.Ask(Inet.FIONREAD, "SIOCINQ");
        if (waiting == 0)
            return state with { ReceiveSequence = sequence };
        bool hasOffset = calls.TryGet(Inet.SOL_SOCKET, So.PEEK_OFF, out int offset) == 0 && offset >= 0;
        if (hasOffset)
            calls.Set(Inet.SOL_SOCKET, So.PEEK_OFF, Unused, "SO_PEEK_OFF");      // peeking would begin there, and move it
        try
        {
            return state with { ReceiveSequence = sequence, ReceiveQueue = Peek(calls, waiting, "the receive queue") };
        }
        finally
        {
            if (hasOffset)
                calls.TrySet(Inet.SOL_SOCKET, So.PEEK_OFF, offset);
        }
    }

    /// <summary>A FIN takes a sequence number, and counts as a byte in both lengths as long as it is not acknowledged.</summary>
    private static TcpConnectionState ReadSendQueue(SocketCalls calls, TcpConnectionState state)
    {
        uint sequence = Sequence(calls, Tcp.SEND_QUEUE, "TCP_QUEUE_SEQ of the send queue");
        state = state with { SendSequence = sequence };
        if (state.State == TcpState.Close)
            return state;
        int unacknowledged = calls.Ask(Inet.TIOCOUTQ, "SIOCOUTQ"), unsent = calls.Ask(Inet.SIOCOUTQNSD, "SIOCOUTQNSD");
        bool hasFin = state.State is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck;
        int fin = hasFin && unacknowledged > 0 ? 1 : 0, unsentFin = fin != 0 && unsent > 0 ? 1 : 0;
        int bytes = unacknowledged - fin;
        return state with { SendQueue = bytes == 0 ? [] : Peek(calls, bytes, "the send queue"), UnsentBytes = unsent - unsentFin, IsFinUnsent = unsentFin != 0 };
    }

    /// <summary>All of a queue; one byte more is asked for, to see that there is none.</summary>
    private static ImmutableArray<byte> Peek(SocketCalls calls, int length, string what)
    {
        if (length > TcpConnectionState.MaxQueueBytes)
            throw new SoccrException($"{what} of {calls.Subject} holds {length} bytes, more than can be saved");
        byte[] buffer = new byte[length + 1];
        long got = calls.Check(calls.Receive(buffer, Inet.MSG_PEEK | Inet.MSG_DONTWAIT), $"reading {what}");
        if (got != length)
            throw new SoccrException($"{what} of {calls.Subject} holds {length} bytes, but {got} could be read: hold its traffic while it is saved");
        return ImmutableCollectionsMarshal.AsImmutableArray(buffer[..length]);
    }
}

/// <summary>Network interfaces of this namespace.</summary>
internal static class Interfaces
{
    public static string? NameOf(uint index)
    {
        foreach (var one in NetworkInterface.GetAllNetworkInterfaces())
            if (one.Supports(NetworkInterfaceComponent.IPv6) && one.GetIPProperties().GetIPv6Properties().Index == index)
                return one.Name;
        return null;
    }

    public static uint IndexOf(string name)
    {
        foreach (var one in NetworkInterface.GetAllNetworkInterfaces())
            if (one.Name == name)
                return (uint)one.GetIPProperties().GetIPv6Properties().Index;
        throw new SoccrException($"there is no network interface {name}, to which a link-local address belongs");
    }
}
