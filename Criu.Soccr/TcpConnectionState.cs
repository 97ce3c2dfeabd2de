using System.Collections.Immutable;
using System.Net;

namespace Criu.Soccr;

/// <summary>
/// A TCP socket as it was when it was saved. Immutable: it can be restored any number of times, one after the other. What the kernel does not show and a connection
/// learns anew is not in it: round trip times, the congestion window, ECN, segments that came out of order (the peer sends them again).
/// </summary>
public sealed partial record TcpConnectionState
{
    /// <summary>The most bytes that a queue may hold: 1 GiB less one.</summary>
    public const int MaxQueueBytes = (1 << 30) - 1;

    /// <summary>The state that the connection was in. A connection that was reset is <see cref="TcpState.Close"/> with an <see cref="Error"/>.</summary>
    public required TcpState State { get; init; }

    /// <summary>Our address and port; null for a socket that is not bound. IPv4-mapped on an IPv6 socket that speaks IPv4.</summary>
    public IPEndPoint? Local { get; init; }

    /// <summary>The peer's address and port; null where there is no peer.</summary>
    public IPEndPoint? Remote { get; init; }

    /// <summary>Whether it is an IPv6 socket (AF_INET6), which may speak IPv4.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>The interface of a link-local address by name, as its number differs from host to host; else null.</summary>
    public string? Interface { get; init; }

    /// <summary>The error that waits for the application (SO_ERROR), as an error number; 0 for none.</summary>
    public int Error { get; init; }

    /// <summary>Connections that a listening socket lets wait; 0 for others.</summary>
    public int Backlog { get; init; }

    /// <summary>The sequence number that is expected next from the peer. A FIN of the peer has been counted.</summary>
    public uint ReceiveSequence { get; init; }

    /// <summary>The sequence number behind everything that was written. A FIN of ours has been counted.</summary>
    public uint SendSequence { get; init; }

    /// <summary>Bytes that have come and were not read yet.</summary>
    public ImmutableArray<byte> ReceiveQueue { get; init; } = [];

    /// <summary>Bytes that were written and not acknowledged, those that were sent before those that were not.</summary>
    public ImmutableArray<byte> SendQueue { get; init; } = [];

    /// <summary>How many bytes at the end of <see cref="SendQueue"/> were never sent.</summary>
    public int UnsentBytes { get; init; }

    /// <summary>Whether our FIN was never sent: it waits behind <see cref="SendQueue"/>.</summary>
    public bool IsFinUnsent { get; init; }

    /// <summary>The largest segment that the peer accepts, in bytes.</summary>
    public int MaxSegment { get; init; }

    /// <summary>Binary digits by which the peer's windows are scaled, 0 to 14; null where window scaling was not negotiated.</summary>
    public int? SendWindowScale { get; init; }

    /// <summary>Binary digits by which our windows are scaled, 0 to 14; null where window scaling was not negotiated.</summary>
    public int? ReceiveWindowScale { get; init; }

    /// <summary>Whether selective acknowledgement was negotiated.</summary>
    public bool HasSack { get; init; }

    /// <summary>Whether timestamps were negotiated.</summary>
    public bool HasTimestamps { get; init; }

    /// <summary>
    /// TCP_TIMESTAMP: the connection's timestamp clock at the time of saving, or a little ahead of it where segments may have left with a later stamp. Opaque; bit 0 tells the
    /// clock kind of newer kernels (1: microseconds).
    /// </summary>
    public uint Timestamp { get; init; }

    /// <summary>Sequence number of the segment that last changed the peer's window (snd_wl1).</summary>
    public uint SendWl1 { get; init; }

    /// <summary>The window that the peer offers, in bytes (snd_wnd).</summary>
    public uint SendWindow { get; init; }

    /// <summary>The largest window that the peer ever offered, in bytes.</summary>
    public uint MaxWindow { get; init; }

    /// <summary>The window that we offer, in bytes (rcv_wnd).</summary>
    public uint ReceiveWindow { get; init; }

    /// <summary>What was acknowledged when we last told our window, as a sequence number (rcv_wup).</summary>
    public uint ReceiveWindowUpdate { get; init; }

    /// <summary>SO_SNDBUF as the kernel tells it: bytes, twice what the application asked for.</summary>
    public int SendBuffer { get; init; }

    /// <summary>SO_RCVBUF likewise.</summary>
    public int ReceiveBuffer { get; init; }

    /// <summary>SO_BUF_LOCK: bit 0 where the application has set the send buffer, bit 1 the receive buffer.</summary>
    public int BufferLocks { get; init; }

    /// <summary>SO_REUSEADDR.</summary>
    public bool ReuseAddress { get; init; }

    /// <summary>SO_KEEPALIVE.</summary>
    public bool KeepAlive { get; init; }

    /// <summary>TCP_CORK.</summary>
    public bool Cork { get; init; }

    /// <summary>TCP_MAXSEG that the application asked for, in bytes, where the connection is not there yet; else 0.</summary>
    public int WantedMaxSegment { get; init; }

    /// <summary>Whether calls on the socket do not block (O_NONBLOCK).</summary>
    public bool IsNonBlocking { get; init; }

    /// <summary>All other options that differ from those of a new socket.</summary>
    public ImmutableArray<TcpSocketOption> Options { get; init; } = [];

    /// <summary>The keys by which its segments are signed (TCP_MD5SIG, RFC 2385). They are secrets: the binary and the JSON form have them, texts for people do not.</summary>
    public ImmutableArray<TcpMd5Key> Md5Keys { get; init; } = [];

    /// <summary>Its two ends; null for a socket without a peer.</summary>
    public TcpFlow? Flow => Local != null && Remote != null ? new TcpFlow(Local, Remote) : null;

    /// <summary>Whether our direction was closed: a FIN of ours is in <see cref="SendSequence"/>.</summary>
    internal bool HasSentFin => State is TcpState.FinWait1 or TcpState.FinWait2 or TcpState.Closing or TcpState.LastAck or TcpState.TimeWait;

    /// <summary>Whether the peer has closed its direction: a FIN of its is in <see cref="ReceiveSequence"/>.</summary>
    internal bool HasReceivedFin => State is TcpState.CloseWait or TcpState.LastAck or TcpState.Closing or TcpState.TimeWait;

    /// <summary>As <c>LOCAL -> REMOTE (STATE)</c>.</summary>
    public override string ToString() => Remote == null ? $"{Local} ({State})" : $"{Local} -> {Remote} ({State})";

    /// <inheritdoc/>
    public bool Equals(TcpConnectionState? other) => other != null && ToBytes().AsSpan().SequenceEqual(other.ToBytes());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(State, Local, Remote, SendSequence, ReceiveSequence);
}
