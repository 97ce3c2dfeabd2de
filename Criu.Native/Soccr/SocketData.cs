using System.Collections.Immutable;
using Criu.Soccr;

namespace Criu.Native;

/// <summary>struct libsoccr_sk_data of soccr.h: what a program keeps of a connection besides its queues and addresses.</summary>
internal struct SocketData
{
    private const uint HasWindow = 1;                // SOCCR_FLAGS_WINDOW
    private const uint Timestamps = 1, Sack = 2, WindowScale = 4;    // TCPI_OPT_..., linux/tcp.h

    public uint State, InLength, InSequence, OutLength, OutSequence, UnsentLength, Options, Segment, SendScale, ReceiveScale, Timestamp, Flags,
        SendWl1, SendWindow, MaxWindow, ReceiveWindow, ReceiveWindowUpdate;

    /// <summary>A connection that waits for its time to end is TCP_CLOSE to the kernel.</summary>
    private readonly TcpState KnownState => State == (uint)TcpState.Close ? TcpState.TimeWait : (TcpState)State;

    private readonly bool HasSentFin => KnownState is TcpState.FinWait1 or TcpState.FinWait2 or TcpState.Closing or TcpState.LastAck or TcpState.TimeWait;

    public static SocketData Of(TcpConnectionState state) => new()
    {
        State = (uint)(state.State == TcpState.TimeWait ? TcpState.Close : state.State),
        InLength = (uint)state.ReceiveQueue.Length, InSequence = state.ReceiveSequence,
        OutLength = (uint)state.SendQueue.Length, OutSequence = state.SendSequence, UnsentLength = (uint)state.UnsentBytes,
        Options = (state.HasTimestamps ? Timestamps : 0) | (state.HasSack ? Sack : 0) | (state.SendWindowScale != null ? WindowScale : 0),
        Segment = (uint)state.MaxSegment, SendScale = (uint)(state.SendWindowScale ?? 0), ReceiveScale = (uint)(state.ReceiveWindowScale ?? 0),
        Timestamp = state.Timestamp, Flags = HasWindow,
        SendWl1 = state.SendWl1, SendWindow = state.SendWindow, MaxWindow = state.MaxWindow, ReceiveWindow = state.ReceiveWindow, ReceiveWindowUpdate = state.ReceiveWindowUpdate,
    };

    /// <summary>As a state that can be restored, but for queues, addresses and what the new socket says of itself.</summary>
    public readonly TcpConnectionState ToState()
    {
        bool hasScale = (Options & WindowScale) != 0, hasWindow = (Flags & HasWindow) != 0;
        return new TcpConnectionState
        {
            State = KnownState,
            ReceiveSequence = InSequence, SendSequence = OutSequence, UnsentBytes = (int)UnsentLength, IsFinUnsent = HasSentFin && UnsentLength > 0,
            MaxSegment = (int)Segment, SendWindowScale = hasScale ? (int)SendScale : null, ReceiveWindowScale = hasScale ? (int)ReceiveScale : null,
            HasSack = (Options & Sack) != 0, HasTimestamps = (Options & Timestamps) != 0, Timestamp = Timestamp,
            SendWl1 = hasWindow ? SendWl1 : InSequence, SendWindow = SendWindow, MaxWindow = MaxWindow,
            ReceiveWindow = ReceiveWindow, ReceiveWindowUpdate = hasWindow ? ReceiveWindowUpdate : InSequence,
        };
    }
}
