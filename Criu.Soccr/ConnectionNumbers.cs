using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>What the kernel counts of a connection in repair mode. All lengths are in bytes; a FIN counts in the sequence number, and of ours in what was sent as long as it is not acknowledged.</summary>
internal record struct ConnectionNumbers
{
    public TcpState State;
    public bool HasTimestamps, HasSack, HasScale;
    public int SendScale, ReceiveScale, MaxSegment;
    public TcpRepairWindow Window;

    /// <summary>Behind the last byte that was received, and that was written.</summary>
    public uint ReceiveSequence, SendSequence;

    /// <summary>What waits to be read; what is not acknowledged, and how much of it was never sent.</summary>
    public int Received, Unacknowledged, Unsent;

    /// <summary>In the unit of the clock's kind, which is its lowest bit.</summary>
    public uint Timestamp;

    /// <summary>In bytes a second, all bits 1 for none; and in microseconds.</summary>
    public ulong PacingRate;
    public uint SmallestRoundTrip;

    public int SendBuffer, ReceiveBuffer;

    /// <summary>
    /// Each queue is selected once, that of what was sent at last. First the sequence number of a queue, then what the kernel holds, so that what comes in between shows.
    /// </summary>
    public static ConnectionNumbers Ask(SocketCalls calls, in TcpInfo info)
    {
        var all = new ConnectionNumbers
        {
            State = info.State, HasTimestamps = (info.Options & TcpInfoOptions.TIMESTAMPS) != 0, HasSack = (info.Options & TcpInfoOptions.SACK) != 0,
            HasScale = (info.Options & TcpInfoOptions.WSCALE) != 0, SendScale = info.SendScale, ReceiveScale = info.ReceiveScale,
            PacingRate = info.PacingRate, SmallestRoundTrip = info.SmallestRoundTrip, Window = WindowOf(calls),
            ReceiveSequence = Sequence(calls, Tcp.RECV_QUEUE, "TCP_QUEUE_SEQ of the receive queue"),
        };
        var memory = calls.Memory();
        (all.SendBuffer, all.ReceiveBuffer) = (memory.SendBuffer, memory.ReceiveBuffer);
        if (memory.Received != 0)
            all.Received = ReceivedOf(calls);
        all.SendSequence = Sequence(calls, Tcp.SEND_QUEUE, "TCP_QUEUE_SEQ of the send queue");
        if (info.State != TcpState.Close && memory.Queued != 0)
            (all.Unacknowledged, all.Unsent) = (calls.Ask(Inet.TIOCOUTQ, "SIOCOUTQ"), calls.Ask(Inet.SIOCOUTQNSD, "SIOCOUTQNSD"));
        all.MaxSegment = calls.Get<int>(Inet.IPPROTO_TCP, Tcp.MAXSEG, "TCP_MAXSEG");
        all.Timestamp = calls.Get<uint>(Inet.IPPROTO_TCP, Tcp.TIMESTAMP, "TCP_TIMESTAMP");
        return all;
    }

    /// <summary>Memory takes also what came out of order, which is none of it; and a look at an empty queue would take a pending error away.</summary>
    private static int ReceivedOf(SocketCalls calls)
    {
        Refusals.CheckUrgent(calls);
        return calls.Ask(Inet.FIONREAD, "SIOCINQ");
    }

    private static TcpRepairWindow WindowOf(SocketCalls calls)
    {
        var window = default(TcpRepairWindow);
        calls.Check(calls.TryGet(Inet.IPPROTO_TCP, Tcp.REPAIR_WINDOW, MemoryMarshal.AsBytes(new Span<TcpRepairWindow>(ref window))), "TCP_REPAIR_WINDOW");
        return window;
    }

    public static uint Sequence(SocketCalls calls, int queue, string name)
    {
        calls.Set(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        return calls.Get<uint>(Inet.IPPROTO_TCP, Tcp.QUEUE_SEQ, name);
    }
}
