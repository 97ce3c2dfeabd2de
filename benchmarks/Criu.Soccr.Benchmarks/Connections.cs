using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Soccr.Benchmarks;

/// <summary>
/// Loopback connections, of which one end, the one that was accepted, is saved and restored over and over. Bytes that wait in both directions stay there: nobody reads what we
/// have received, and the peer hears nothing of what we send, as its socket has a filter that drops all.
/// </summary>
internal sealed class Connections : IDisposable
{
    private const int Spare = 300;                      // descriptors of the runtime, and of peers before they fly

    private readonly SafeFileHandle keeper, unread;
    private SafeHandle[] ours;

    public Connections(int count, int bytes)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, false);      // the runtime sets it; those of libsoccr have no option either
        listener.Listen(100);
        ours = new SafeHandle[count];
        (keeper, unread) = NewPair();
        byte[] data = new byte[bytes];
        List<Socket> theirs = [];
        for (int i = 0; i < count; i++)
        {
            var one = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            theirs.Add(one);
            one.Connect(listener.LocalEndPoint!);
            ours[i] = Kernel.Own(Kernel.Call(Nr.accept4, listener.Handle, 0, 0, Fcntl.O_CLOEXEC));
            if (bytes > 0)
            {
                one.Send(data);
                MakeDeaf(one);
                Fill(ours[i], data);
            }
            if (theirs.Count == DescriptorMessages.Most || i == count - 1)
                LetFly(theirs);
        }
    }

    private static unsafe (SafeFileHandle, SafeFileHandle) NewPair()
    {
        int* pair = stackalloc int[2];
        return Kernel.Failed(Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, 0, (long)pair))
            ? throw new InvalidOperationException("there is no pair of sockets")
            : (Kernel.Own(pair[0]), Kernel.Own(pair[1]));
    }

    private void LetFly(List<Socket> theirs)
    {
        if (DescriptorMessages.Send(keeper.Fd(), [0], [.. theirs.Select(s => (int)s.Handle)]) != 1)
            throw new InvalidOperationException("the other ends cannot be kept in flight");
        theirs.ForEach(s => s.Dispose());
        theirs.Clear();
    }

    /// <summary>The most that this process may have: one descriptor each, and one of another's that is made meanwhile.</summary>
    public static unsafe int Most
    {
        get
        {
            ulong* limit = stackalloc ulong[2];
            const int NumberOfFiles = 7;                // RLIMIT_NOFILE
            Kernel.Call(Nr.prlimit64, 0, NumberOfFiles, 0, (long)limit);
            return (int)((Math.Min(limit[0], 1 << 20) - Spare) / 2);
        }
    }

    private static unsafe void Fill(SafeHandle handle, byte[] data)
    {
        fixed (byte* bytes = data)
            if (Kernel.Call(Nr.sendto, handle.DangerousGetHandle(), (long)bytes, data.Length, 0) != data.Length)
                throw new InvalidOperationException("the send queue does not take all");
    }

    private static unsafe void MakeDeaf(Socket socket)
    {
        ulong drop = 6;                                 // struct sock_filter { BPF_RET | BPF_K, 0, 0, 0 }
        var program = (Count: 1L, Instructions: (nint)(&drop));
        socket.SetRawSocketOption(1, So.ATTACH_FILTER, new ReadOnlySpan<byte>(&program, 16));
    }

    /// <summary>All of them: paused, saved, closed, restored, resumed.</summary>
    /// <returns>The processor time that it took, on all threads.</returns>
    public TimeSpan Round(SoccrOptions options, int workers)
    {
        var before = Environment.CpuUsage.TotalTime;
        TcpConnectionState[] states;
        using (var paused = TcpConnection.PauseAllHandles(ours, options, workers))
        {
            states = paused.Save();
            paused.Leave();
        }
        using var restored = TcpConnection.RestoreAll(states, options, workers);
        ours = restored.ResumeHandles();
        return Environment.CpuUsage.TotalTime - before;
    }

    /// <summary>Resets, so that nothing lingers in the tables.</summary>
    public void Dispose()
    {
        foreach (var handle in ours)
            handle.Dispose();
        keeper.Dispose();
        unread.Dispose();
    }
}
