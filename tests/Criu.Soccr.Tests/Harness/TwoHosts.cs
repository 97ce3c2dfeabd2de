using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Criu.Soccr.Tests.Harness;

/// <summary>Two namespaces with a cable between them: ours, and that of a peer which is not ours.</summary>
public sealed class TwoHosts : IDisposable
{
    public TwoHosts()
    {
        Namespace.Connect(Ours, Theirs);
        Peer = new Peer(Theirs);
        Lock = Ours.Run(() => NftablesLock.CreateOwned());
        Gate = Theirs.Run(() => NftablesLock.CreateOwned());
    }

    internal Namespace Ours { get; } = new();
    internal Namespace Theirs { get; } = new();
    internal Peer Peer { get; }

    /// <summary>Holds traffic on our side: what is under test.</summary>
    internal NftablesLock Lock { get; }

    /// <summary>Keeps from the peer what we send to it; what it sends passes.</summary>
    internal NftablesLock Gate { get; }

    internal SoccrOptions Options => new() { Lock = Lock };

    /// <summary>A connection of ours to the peer.</summary>
    internal Socket Connect(bool isIPv6, bool peerHasSmallWindow = false)
    {
        string address = isIPv6 ? "fd07::2" : "10.7.0.2";
        int port = int.Parse(Peer.Do($"listen {(isIPv6 ? 6 : 4)} {address}"), CultureInfo.InvariantCulture);
        if (peerHasSmallWindow)
            Peer.Do("small");
        var socket = Ours.Run(() =>
        {
            var s = new Socket(isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            s.Connect(IPAddress.Parse(address), port);
            return s;
        });
        Peer.Do("accept");
        Peer.Do($"mark {NftablesLock.DefaultMark}");
        return socket;
    }

    /// <summary>The flow of a socket as the other side sees it.</summary>
    internal static HeldFlow[] Reversed(Socket socket) => [new HeldFlow(new TcpFlow((IPEndPoint)socket.RemoteEndPoint!, (IPEndPoint)socket.LocalEndPoint!), null)];

    internal Counts Count() => new(Ours.Counter("OutRsts") + Theirs.Counter("OutRsts"), Ours.Counter("RetransSegs"), Theirs.Counter("RetransSegs"));

    public void Dispose()
    {
        Peer.Dispose();
        Lock.Dispose();
        Gate.Dispose();
        Ours.Dispose();
        Theirs.Dispose();
    }
}

/// <summary>Resets sent by either side, and segments that were sent again by each.</summary>
internal readonly record struct Counts(long Resets, long OursAgain, long TheirsAgain)
{
    public static Counts operator -(Counts a, Counts b) => new(a.Resets - b.Resets, a.OursAgain - b.OursAgain, a.TheirsAgain - b.TheirsAgain);
}
