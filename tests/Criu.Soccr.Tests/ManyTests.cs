using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Thousands of connections in one call, with both ends of each.</summary>
public sealed class ManyTests(ITestOutputHelper output)
{
    private const int Wanted = 10_000, OtherDescriptors = 300;

    [Theory, InlineData(1), InlineData(2)]
    public void Ten_thousand_connections_are_saved_and_restored_or_as_many_as_may_be_open(int workers) => LockingNamespace.Run(() =>
    {
        int count = Math.Min(Wanted, (AllowDescriptors(2 * Wanted + OtherDescriptors) - OtherDescriptors) / 2);
        using var connectionLock = NftablesLock.CreateOwned();
        var options = new SoccrOptions { Lock = connectionLock };
        var sockets = Connect(count);
        var watch = Stopwatch.StartNew();
        TcpConnectionState[] saved;
        using (var paused = TcpConnection.PauseAll(sockets, options, workers))
        {
            saved = paused.Save();
            paused.Leave();
        }
        var savedAfter = watch.Elapsed;
        using var restored = TcpConnection.RestoreAll(saved, options, workers);
        sockets = restored.Resume();
        var all = watch.Elapsed;
        output.WriteLine($"{sockets.Length} ends with {workers} workers: saved in {savedAfter.TotalSeconds:F2} s, restored in {(all - savedAfter).TotalSeconds:F2} s, {sockets.Length / all.TotalSeconds:F0} a second");
        byte[] number = new byte[4];
        for (int i = 0; i < count; i++)
        {
            sockets[2 * i].Send(BitConverter.GetBytes(i));
            sockets[2 * i + 1].ReceiveTimeout = 10_000;
            Assert.Equal(4, sockets[2 * i + 1].Receive(number));
            Assert.Equal(i, BitConverter.ToInt32(number));
        }
        Array.ForEach(sockets, s => s.Dispose());
    });

    private static Socket[] Connect(int count)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(100);
        var sockets = new Socket[2 * count];
        for (int i = 0; i < count; i++)
        {
            sockets[2 * i] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets[2 * i].Connect(listener.LocalEndPoint!);
            sockets[2 * i + 1] = listener.Accept();
        }
        return sockets;
    }

    /// <summary>How many there may be. Without CAP_SYS_RESOURCE in the first user namespace the hard limit stays as it is.</summary>
    private static unsafe int AllowDescriptors(ulong count)
    {
        const int RLIMIT_NOFILE = 7;
        ulong* limit = stackalloc ulong[2], raised = stackalloc ulong[2] { count, count };
        Assert.Equal(0, Kernel.Call(Nr.prlimit64, 0, RLIMIT_NOFILE, 0, (long)limit));
        if (limit[0] < count && !Kernel.Failed(Kernel.Call(Nr.prlimit64, 0, RLIMIT_NOFILE, (long)raised, 0)))
            return (int)count;
        limit[0] = limit[1];
        Kernel.Call(Nr.prlimit64, 0, RLIMIT_NOFILE, (long)limit, 0);
        return (int)Math.Min(limit[0], count);
    }
}
