using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Thousands of connections in one call. The peers are another process, which has its own descriptors, and its own opinion of every byte.</summary>
public sealed class ManyTests(ITestOutputHelper output)
{
    private const int Wanted = 10_000, OtherDescriptors = 300, AtOnce = 500, Bytes = 50;

    [Theory, InlineData(1), InlineData(2)]
    public void Ten_thousand_connections_are_saved_and_restored(int workers)
    {
        AllowDescriptors(Wanted + OtherDescriptors);
        using var ns = new Namespace();
        using var peers = new Peer(ns);
        ns.Run(() =>
        {
            var sockets = Connect(peers);
            var ports = sockets.Select(PortOf).ToArray();
            Assert.Equal(Wanted, ports.Distinct().Count());
            // Nobody reads before all are restored: what is sent now waits at both ends, and ours is saved.
            SendAll(sockets, from: 0);
            peers.Do($"send_each {Bytes}");
            using var connectionLock = NftablesLock.CreateOwned();
            var again = Move(sockets, new SoccrOptions { Lock = connectionLock }, workers);
            Assert.Equal(ports, again.Select(PortOf));
            SendAll(again, from: Bytes);
            peers.Do($"read_each {2 * Bytes}");
            peers.Do($"send_each {Bytes}");
            Array.ForEach(again, ReadAll);
            Array.ForEach(again, s => s.Shutdown(SocketShutdown.Send));
            peers.Do("eof_each");
            Array.ForEach(again, s => s.Dispose());
        });
    }

    private Socket[] Move(Socket[] sockets, SoccrOptions options, int workers)
    {
        var watch = Stopwatch.StartNew();
        TcpConnectionState[] saved;
        using (var paused = TcpConnection.PauseAll(sockets, options, workers))
        {
            saved = paused.Save();
            paused.Leave();
        }
        var savedAfter = watch.Elapsed;
        Assert.All(saved, s => Assert.Equal(Bytes, s.ReceiveQueue.Length));
        using var restored = TcpConnection.RestoreAll(saved, options, workers);
        var again = restored.Resume();
        var all = watch.Elapsed;
        output.WriteLine($"{again.Length} connections with {workers} workers: saved in {savedAfter.TotalSeconds:F2} s, restored in {(all - savedAfter).TotalSeconds:F2} s, {again.Length / all.TotalSeconds:F0} a second");
        return again;
    }

    /// <summary>In groups that the queue of the listener has room for.</summary>
    private static Socket[] Connect(Peer peers)
    {
        var listener = new IPEndPoint(IPAddress.Loopback, int.Parse(peers.Do("listen 4 127.0.0.1"), System.Globalization.CultureInfo.InvariantCulture));
        var sockets = new Socket[Wanted];
        for (int i = 0; i < Wanted; i++)
        {
            sockets[i] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };
            sockets[i].Connect(listener);
            if ((i + 1) % AtOnce == 0)
                peers.Do($"accept_more {AtOnce}");
        }
        return sockets;
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    /// <summary>Both streams of a connection begin at the place in the sequence that its port names, so that none can pass for another's.</summary>
    private static void SendAll(Socket[] sockets, int from)
    {
        foreach (var socket in sockets)
            Assert.Equal(Bytes, socket.Send(Peer.Sequence(PortOf(socket) + from, Bytes)));
    }

    private static void ReadAll(Socket socket)
    {
        byte[] received = new byte[2 * Bytes];
        for (int count = 0, one; count < received.Length; count += one)
            Assert.NotEqual(0, one = socket.Receive(received.AsSpan(count)));
        Assert.Equal(Peer.Sequence(PortOf(socket), received.Length), received);
        Assert.Equal(0, socket.Available);
    }

    /// <summary>Of the children too: they inherit it.</summary>
    private static unsafe void AllowDescriptors(ulong count)
    {
        const int RLIMIT_NOFILE = 7;
        ulong* limit = stackalloc ulong[2];                     // the soft and the hard one
        Assert.Equal(0, Kernel.Call(Nr.prlimit64, 0, RLIMIT_NOFILE, 0, (long)limit));
        if (limit[0] >= count)
            return;
        limit[0] = count;
        limit[1] = Math.Max(limit[1], count);
        Assert.True(!Kernel.Failed(Kernel.Call(Nr.prlimit64, 0, RLIMIT_NOFILE, (long)limit, 0)), $"the hard limit of descriptors must be {count} or more: raise it (ulimit -Hn)");
    }
}
