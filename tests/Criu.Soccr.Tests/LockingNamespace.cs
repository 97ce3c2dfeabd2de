using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>A network namespace of a test's own: that of a thread which ends with the test, and the namespace with it.</summary>
internal static class LockingNamespace
{
    private const int CLONE_NEWNET = 0x40000000, AF_INET = 2, SOCK_DGRAM = 2, SIOCSIFFLAGS = 0x8914, IFF_UP = 1, Nobody = 65534;

    /// <summary>Runs it there, with lo up.</summary>
    public static void Run(Action test)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Check(Kernel.Call(Nr.unshare, CLONE_NEWNET), "unshare");
                BringUpLoopback();
                test();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure != null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Goes on as an ordinary user, until this thread ends: made by the raw call, it is true of the thread alone.</summary>
    public static void BecomeOrdinaryUser() => Check(Kernel.Call(Nr.setresuid, Nobody, Nobody, Nobody), "setresuid");

    private static unsafe void BringUpLoopback()
    {
        using var socket = Kernel.Own(Check(Kernel.Call(Nr.socket, AF_INET, SOCK_DGRAM), "socket"));
        byte* request = stackalloc byte[40];                    // struct ifreq: 16 bytes of name, then the flags
        new Span<byte>(request, 40).Clear();
        "lo"u8.CopyTo(new Span<byte>(request, 40));
        *(short*)(request + 16) = IFF_UP;
        Check(Kernel.Call(Nr.ioctl, socket.Fd(), SIOCSIFFLAGS, (long)request), "SIOCSIFFLAGS");
    }

    private static long Check(long result, string call)
    {
        Assert.False(Kernel.Failed(result), $"{call}: {Errno.Name(result)}");
        return result;
    }
}

/// <summary>A connection over lo: our end, which is held, and the peer's.</summary>
internal sealed class LockingPair : IDisposable
{
    private const int Probes = 3, TotalRetransmissions = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="kind">"IPv4", "IPv6", or "mapped": our end is a socket of IPv6 that a peer reached by IPv4.</param>
    public LockingPair(string kind = "IPv4")
    {
        using var listener = new Socket(kind == "IPv4" ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        if (kind == "mapped")
            listener.DualMode = true;
        listener.Bind(new IPEndPoint(kind switch { "IPv4" => IPAddress.Loopback, "IPv6" => IPAddress.IPv6Loopback, _ => IPAddress.IPv6Any }, 0));
        listener.Listen();
        Peer = new Socket(kind == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Peer.Connect(kind == "IPv6" ? IPAddress.IPv6Loopback : IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);
        Ours = listener.Accept();
        Ours.NoDelay = true;
        Flow = new TcpFlow((IPEndPoint)Ours.LocalEndPoint!, (IPEndPoint)Ours.RemoteEndPoint!);
    }

    public Socket Ours { get; }
    public Socket Peer { get; }
    public TcpFlow Flow { get; }

    public HeldFlow Held => new(Flow, Ours.SafeHandle);

    /// <summary>A byte each way arrives.</summary>
    public void Passes()
    {
        Arrives(Peer, Ours);
        Arrives(Ours, Peer);
    }

    /// <summary>A byte each way is sent, and sent again, and does not arrive. It does when the lock lets go, see <see cref="ArrivesNow"/>.</summary>
    public void IsHeld()
    {
        NothingComes(Peer, Ours);
        NothingComes(Ours, Peer);
    }

    /// <summary>What was held arrives.</summary>
    public void ArrivesNow()
    {
        Receive(Ours);
        Receive(Peer);
    }

    public static void NothingComes(Socket from, Socket to)
    {
        uint before = Tries(from);
        from.Send([42]);
        Until(() => Tries(from) != before || to.Available > 0);
        Assert.Equal(0, to.Available);
    }

    public static void Arrives(Socket from, Socket to)
    {
        from.Send([42]);
        Receive(to);
    }

    public static void Receive(Socket socket)
    {
        socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        byte[] received = new byte[1];
        Assert.Equal(1, socket.Receive(received));
        Assert.Equal(42, received[0]);
    }

    /// <summary>What leaves this socket has the mark.</summary>
    public static void Mark(Socket socket, uint mark) => socket.SetRawSocketOption(Sockets.SOL_SOCKET, So.MARK, BitConverter.GetBytes(mark));

    /// <summary>Our end is gone without a word, as a saved connection is.</summary>
    public void CloseSilently()
    {
        Ours.SetRawSocketOption((int)ProtocolType.Tcp, Tcp.REPAIR, BitConverter.GetBytes(1));
        // Another file takes its number: .NET would shut the socket down before it closes it, and that is a word.
        using var nothing = Kernel.Own(Kernel.Open("/dev/null", Fcntl.O_RDONLY));
        Assert.False(Kernel.Failed(Kernel.Call(Nr.dup2, nothing.Fd(), Ours.SafeHandle.DangerousGetHandle())));
    }

    /// <summary>
    /// How often it tried again. What a rule drops on its way out counts as not sent at all, where nothing else is in flight, and is tried again by the timer of window probes.
    /// </summary>
    public static uint Tries(Socket socket)
    {
        byte[] info = new byte[TotalRetransmissions + 4];
        socket.GetRawSocketOption((int)ProtocolType.Tcp, Tcp.INFO, info);
        return BitConverter.ToUInt32(info, TotalRetransmissions) + info[Probes];
    }

    public static void Until(Func<bool> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(watch.Elapsed < Patience, "it does not come about");
            Thread.Sleep(5);
        }
    }

    public void Dispose()
    {
        Ours.Dispose();
        Peer.Dispose();
    }
}
