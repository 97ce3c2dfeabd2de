using System.Buffers.Binary;
using System.Numerics;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>In which members the kernel keeps what <see cref="ConnectionNumbers"/> has.</summary>
internal sealed class ConnectionFields
{
    private const string Negotiated = "tcp_sock.rx_opt.";

    private enum Member
    {
        State, PacingRate, ReceiveBuffer, SendBuffer, Repair, Received, Read, Acknowledged, Sent, Written, Wl1, SendWindow, MaxWindow, ReceiveWindow, WindowUpdate, Urgent,
        ClockOffset, IsInMicroseconds, RoundTrip, Timestamps, Sack, Scale, SendScale, ReceiveScale, Segment,
    }

    /// <summary>In the order of <see cref="Member"/>.</summary>
    private static readonly string[] Paths =
    [
        "sock.__sk_common.skc_state", "sock.sk_pacing_rate", "sock.sk_rcvbuf", "sock.sk_sndbuf", "tcp_sock.repair", "tcp_sock.rcv_nxt", "tcp_sock.copied_seq", "tcp_sock.snd_una",
        "tcp_sock.snd_nxt", "tcp_sock.write_seq", "tcp_sock.snd_wl1", "tcp_sock.snd_wnd", "tcp_sock.max_window", "tcp_sock.rcv_wnd", "tcp_sock.rcv_wup", "tcp_sock.urg_data",
        "tcp_sock.tsoffset", "tcp_sock.tcp_usec_ts", "tcp_sock.rtt_min.s.v", Negotiated + "tstamp_ok", Negotiated + "sack_ok", Negotiated + "wscale_ok", Negotiated + "snd_wscale",
        Negotiated + "rcv_wscale", Negotiated + "mss_clamp",
    ];

    private readonly RecordBits[] places;

    private ConnectionFields(RecordLayout layout) => (Layout, places) = (layout, Array.ConvertAll(Paths, p => layout.Find(p)!.Value));

    public RecordLayout Layout { get; }

    /// <summary>Null where this kernel is without one of them.</summary>
    public static ConnectionFields? TryFind(KernelTypes types)
    {
        var layout = new RecordLayout(types, Paths);
        return Paths.All(p => layout.Find(p) is { Mask: not 0 }) ? new ConnectionFields(layout) : null;
    }

    /// <summary>False where the socket is no connection in repair mode, or one that has more to look at (urgent data).</summary>
    /// <param name="record">What was read of it.</param>
    /// <param name="now">What the kernel's clock shows now, in nanoseconds.</param>
    /// <param name="all">All of it.</param>
    public bool TryRead(ReadOnlySpan<byte> record, long now, out ConnectionNumbers all)
    {
        all = default;
        var state = (TcpState)Of(record, Member.State);
        if (Of(record, Member.Repair) == 0 || Of(record, Member.Urgent) != 0 || !state.IsSynchronised())
            return false;
        uint received = (uint)Of(record, Member.Received), written = (uint)Of(record, Member.Written);
        int waiting = (int)(received - (uint)Of(record, Member.Read));
        if (waiting > 0 && state is TcpState.CloseWait or TcpState.LastAck or TcpState.Closing)
            waiting--;                                  // the FIN, to which nobody has read yet
        all = new ConnectionNumbers
        {
            State = state, HasTimestamps = Of(record, Member.Timestamps) != 0, HasSack = Of(record, Member.Sack) != 0, HasScale = Of(record, Member.Scale) != 0,
            SendScale = (int)Of(record, Member.SendScale), ReceiveScale = (int)Of(record, Member.ReceiveScale), MaxSegment = (int)Of(record, Member.Segment),
            Window = new TcpRepairWindow
            {
                SendWl1 = (uint)Of(record, Member.Wl1), SendWindow = (uint)Of(record, Member.SendWindow), MaxWindow = (uint)Of(record, Member.MaxWindow),
                ReceiveWindow = (uint)Of(record, Member.ReceiveWindow), ReceiveWindowUpdate = (uint)Of(record, Member.WindowUpdate),
            },
            ReceiveSequence = received, SendSequence = written, Received = waiting, Unacknowledged = (int)(written - (uint)Of(record, Member.Acknowledged)),
            Unsent = (int)(written - (uint)Of(record, Member.Sent)), Timestamp = ClockOf(record, now),
            PacingRate = Of(record, Member.PacingRate), SmallestRoundTrip = (uint)Of(record, Member.RoundTrip),
            SendBuffer = (int)Of(record, Member.SendBuffer), ReceiveBuffer = (int)Of(record, Member.ReceiveBuffer),
        };
        return true;
    }

    private uint ClockOf(ReadOnlySpan<byte> record, long now)
    {
        const long Microsecond = 1000, Millisecond = 1_000_000;
        bool isInMicroseconds = Of(record, Member.IsInMicroseconds) != 0;
        uint clock = (uint)(now / (isInMicroseconds ? Microsecond : Millisecond)) + (uint)Of(record, Member.ClockOffset);
        return isInMicroseconds ? clock | 1 : clock & ~1u;
    }

    private ulong Of(ReadOnlySpan<byte> record, Member member)
    {
        var bits = places[(int)member];
        return (BinaryPrimitives.ReadUInt64LittleEndian(record[bits.Place..]) & bits.Mask) >> BitOperations.TrailingZeroCount(bits.Mask);
    }
}
