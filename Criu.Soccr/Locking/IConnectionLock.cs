using System.Net;
using System.Runtime.InteropServices;

namespace Criu.Soccr;

/// <summary>The two ends of a connection.</summary>
/// <param name="Local">Our address and port; an IPv4-mapped IPv6 address where the socket has one.</param>
/// <param name="Remote">The peer's, of the same family.</param>
public readonly record struct TcpFlow(IPEndPoint Local, IPEndPoint Remote)
{
    /// <summary>As <c>LOCAL -> REMOTE</c>.</summary>
    public override string ToString() => $"{Local} -> {Remote}";
}

/// <summary>A connection whose traffic is to be held.</summary>
/// <param name="Flow">Its ends.</param>
/// <param name="Socket">Its socket, where there is one now.</param>
public readonly record struct HeldFlow(TcpFlow Flow, SafeHandle? Socket);

/// <summary>
/// Holds the traffic of connections while they are saved and have no socket: a segment that the peer sends in that time must neither be answered (by a reset) nor be
/// acknowledged and lost. The peer's TCP sends it again.
/// </summary>
public interface IConnectionLock : IDisposable
{
    /// <summary>The SO_MARK with which our own packets pass; 0 where none is needed.</summary>
    uint Mark { get; }

    /// <summary>Holds these from now on. All or none: when it throws, none is held that was not before.</summary>
    /// <exception cref="SoccrException">They cannot be held.</exception>
    void Hold(ReadOnlySpan<HeldFlow> flows);

    /// <summary>Lets the traffic of these pass again. Flows that are not held are passed over.</summary>
    /// <exception cref="SoccrException">The kernel refuses.</exception>
    void Release(ReadOnlySpan<HeldFlow> flows);
}
