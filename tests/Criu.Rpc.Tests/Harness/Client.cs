using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Rpc.Tests.Harness;

/// <summary>A client with one end of a socket; raw bytes go in and out, so that it can also send what no library would.</summary>
internal sealed unsafe class Client : IDisposable
{
    private readonly SafeFileHandle _socket;

    private Client(SafeFileHandle socket, int server) => (_socket, Server) = (socket, server);

    /// <summary>The criu at the other end; 0 for a service, which starts its own.</summary>
    public int Server { get; }

    /// <summary>Starts <c>criu swrk</c> with the other end of a pair.</summary>
    public static Client OfSwrk(params string[] options)
    {
        int* ends = stackalloc int[2];
        Check(Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0, (long)ends), "socketpair");
        SafeFileHandle ours = Kernel.Own(ends[0]);
        // As much as anybody may ask for (net.core.wmem_max).
        int room = 1 << 20;
        Check(Kernel.Call(Nr.setsockopt, ends[0], Sockets.SOL_SOCKET, So.SNDBUF, (long)(&room), sizeof(int)), "SO_SNDBUF");
        // Both ends are closed in programs that others start; this one is for the next program.
        int theirs = (int)Check(Kernel.Call(Nr.fcntl, ends[1], 0, 100), "F_DUPFD");
        Kernel.Call(Nr.close, ends[1]);
        int pid = Child.Start([.. Programs.Criu, "swrk", .. options, $"{theirs}"]);
        Kernel.Call(Nr.close, theirs);
        return new Client(ours, pid);
    }

    /// <summary>A client whose server is in this process, and the descriptor for it.</summary>
    public static (Client Client, int Server) Pair()
    {
        int* ends = stackalloc int[2];
        Check(Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0, (long)ends), "socketpair");
        return (Of(ends[0]), ends[1]);
    }

    /// <summary>A client whose server is not a process of its own.</summary>
    public static Client Of(int fd) => new(Kernel.Own(fd), 0);

    /// <summary>A client of the service with this socket.</summary>
    public static Client Of(string path)
    {
        SafeFileHandle socket = Kernel.Own(Check(Kernel.Call(Nr.socket, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0), "socket"));
        byte[] address = [Sockets.AF_UNIX, 0, .. Kernel.CString(path)];
        fixed (byte* start = address)
            Check(Kernel.Call(Nr.connect, socket.Fd(), (long)start, address.Length), $"connect to {path}");
        return new Client(socket, 0);
    }

    public static CriuResp Ask(CriuReq request)
    {
        using Client client = OfSwrk();
        client.Send(request);
        return client.Receive()!;
    }

    public void Send(CriuReq request) => Send(request.ToByteArray());

    public bool Send(byte[] message, bool wait = true)
    {
        fixed (byte* start = message)
            return Kernel.Call(Nr.sendto, _socket.Fd(), (long)start, message.Length, Sockets.MSG_NOSIGNAL | (wait ? 0 : Sockets.MSG_DONTWAIT)) == message.Length;
    }

    /// <summary>The answer; null when the server has gone.</summary>
    public CriuResp? Receive()
    {
        byte[] buffer = new byte[1 << 17];
        fixed (byte* start = buffer)
        {
            long size = Kernel.Call(Nr.recvfrom, _socket.Fd(), (long)start, buffer.Length);
            return size <= 0 ? null : CriuResp.Parser.ParseFrom(buffer, 0, (int)size);
        }
    }

    /// <summary>The same with a descriptor that may come along.</summary>
    public CriuResp? Receive(out SafeFileHandle? passed)
    {
        byte[] buffer = new byte[1 << 17];
        byte* control = stackalloc byte[ControlHeader.Size + sizeof(long)];
        passed = null;
        fixed (byte* start = buffer)
        {
            IoVector vector = new() { Base = (long)start, Length = buffer.Length };
            MessageHeader header = new() { Vectors = (ulong)&vector, VectorCount = 1, Control = (ulong)control, ControlLength = ControlHeader.Size + sizeof(long) };
            long size = Kernel.Call(Nr.recvmsg, _socket.Fd(), (long)(&header), Sockets.MSG_CMSG_CLOEXEC);
            if (size > 0 && header.ControlLength > 0)
                passed = Kernel.Own(*(int*)(control + ControlHeader.Size));
            return size <= 0 ? null : CriuResp.Parser.ParseFrom(buffer, 0, (int)size);
        }
    }

    public int? Status => Server == 0 ? null : Child.Wait(Server, TimeSpan.FromSeconds(20));

    /// <summary>Says that nothing else will be sent.</summary>
    public void Finish() => Kernel.Call(Nr.shutdown, _socket.Fd(), 1);

    public void Close() => _socket.Dispose();

    public void Dispose()
    {
        Close();
        if (Server != 0 && Directory.Exists($"/proc/{Server}") && Child.Wait(Server, TimeSpan.FromSeconds(20)) == null && Directory.Exists($"/proc/{Server}"))
        {
            Libc.kill(Server, Libc.SIGKILL);
            Child.Wait(Server, TimeSpan.FromSeconds(5));
        }
    }

    private static long Check(long result, string call) => Kernel.Failed(result) ? throw new InvalidOperationException($"{call}: {Errno.Name(result)}") : result;
}
