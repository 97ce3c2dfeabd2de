namespace Criu.Soccr;

/// <summary>The state of a TCP socket, with the kernel's numbers (net/tcp_states.h).</summary>
public enum TcpState : byte
{
    /// <summary>Both directions are open.</summary>
    Established = 1,

    /// <summary>Connecting; the peer has not answered yet.</summary>
    SynSent = 2,

    /// <summary>The peer is connecting. Such a connection has no descriptor yet: the peer's SYN comes again.</summary>
    SynReceived = 3,

    /// <summary>We have closed our direction, and the peer has not acknowledged that yet.</summary>
    FinWait1 = 4,

    /// <summary>We have closed our direction; the peer has not closed its own.</summary>
    FinWait2 = 5,

    /// <summary>Both directions are closed; late segments are waited for.</summary>
    TimeWait = 6,

    /// <summary>Not connected: not yet, or no longer.</summary>
    Close = 7,

    /// <summary>The peer has closed its direction; ours is open.</summary>
    CloseWait = 8,

    /// <summary>The peer has closed first, then we; it has not acknowledged that yet.</summary>
    LastAck = 9,

    /// <summary>Waiting for peers to connect.</summary>
    Listen = 10,

    /// <summary>Both have closed, neither knows that the other knows.</summary>
    Closing = 11,
}

internal static class TcpStates
{
    /// <summary>RFC 9293 calls these states synchronised; without TIME_WAIT, in which a connection has no socket any more.</summary>
    public static bool IsSynchronised(this TcpState state) =>
        state is TcpState.Established or TcpState.FinWait1 or TcpState.FinWait2 or TcpState.CloseWait or TcpState.LastAck or TcpState.Closing;
}
