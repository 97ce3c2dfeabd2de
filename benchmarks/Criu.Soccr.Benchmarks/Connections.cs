using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr.Benchmarks;

/// <summary>
/// Loopback connections, of which one end, the one that was accepted, is saved and restored over and over. Bytes that wait in both directions stay there: nobody reads what we
/// have received, and the peer hears nothing of what we send, as its socket has a filter that drops all.
/// </summary>
internal sealed class Connections : IDisposable
{
    private const int Spare = 200;                      // descriptors of the runtime

    private readonly Socket[] theirs;
    private SafeHandle[] ours;

    public Connections(int count, int bytes)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, false);      // the runtime sets it; those of libsoccr have no option either
        listener.Listen(100);
        (theirs, ours) = (new Socket[count], new SafeHandle[count]);
        byte[] data = new byte[bytes];
        for (int i = 0; i < count; i++)
        {
            theirs[i] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            theirs[i].Connect(listener.LocalEndPoint!);
            ours[i] = Kernel.Own(Kernel.Call(Nr.accept4, listener.Handle, 0, 0, Fcntl.O_CLOEXEC));
            if (bytes == 0)
                continue;
            theirs[i].Send(data);
            MakeDeaf(theirs[i]);
            Fill(ours[i], data);
        }
    }

    /// <summary>The most that this process may have: two descriptors each.</summary>
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
        const int SO_ATTACH_FILTER = 26;
        ulong drop = 6;                                 // struct sock_filter { BPF_RET | BPF_K, 0, 0, 0 }
        var program = (Count: 1L, Instructions: (nint)(&drop));
        socket.SetRawSocketOption(1, SO_ATTACH_FILTER, new ReadOnlySpan<byte>(&program, 16));
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
        foreach (var socket in theirs)
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
        }
        foreach (var handle in ours)
            handle.Dispose();
    }
}
