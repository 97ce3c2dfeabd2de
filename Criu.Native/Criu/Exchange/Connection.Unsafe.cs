using Linux.Abi;

namespace Criu.Native;

/// <summary>A socket to the server, for one request or for those of one iteration.</summary>
internal unsafe struct Connection
{
    private int server;                              // a child that ends with the connection; 0 for none

    public Connection(int fd, int server = 0) => (Fd, this.server) = (fd, server);

    public int Fd { get; private set; }

    private static ReadOnlySpan<byte> DefaultAddress => "./criu_service.socket\0"u8;

    /// <summary>0, or a negative error of libcriu's, with errno.</summary>
    /// <param name="options">Say how.</param>
    /// <param name="isApart">The server must not be a child of ours, as we are to be dumped.</param>
    /// <param name="connection">What was made.</param>
    public static int Open(CriuOptions* options, bool isApart, out Connection connection)
    {
        switch (options->Service)
        {
            case ServiceKind.Descriptor:
                connection = new Connection(options->ServiceFd);
                return 0;
            case ServiceKind.Binary:
                return Swrk.Start(options->ServiceName, isApart, out connection);
            default:
                fixed (byte* byDefault = DefaultAddress)
                    return Reach(options->ServiceName == null ? byDefault : options->ServiceName, out connection);
        }
    }

    private static int Reach(byte* path, out Connection connection)
    {
        connection = default;
        var name = Libc.Text(path);
        if (name.Length > UnixAddress.LongestPath)
            return Fail(-Errno.ECONNREFUSED, Errno.ENAMETOOLONG);
        long fd = Kernel.Call(Nr.socket, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0);
        if (Kernel.Failed(fd))
            return Fail(-Errno.ECONNREFUSED, -fd);
        byte* address = stackalloc byte[sizeof(ushort) + UnixAddress.LongestPath + 1];
        (*(ushort*)address, address[sizeof(ushort) + name.Length]) = (Sockets.AF_UNIX, 0);
        name.CopyTo(new Span<byte>(address + sizeof(ushort), UnixAddress.LongestPath));
        long result = Kernel.Call(Nr.connect, fd, (long)address, sizeof(ushort) + name.Length + 1);
        connection = new Connection((int)fd);
        if (!Kernel.Failed(result))
            return 0;
        connection.Close();
        return Fail(-Errno.ECONNREFUSED, -result);
    }

    /// <summary>Sets errno and answers the result: what a function of libcriu does when it fails.</summary>
    public static int Fail(int result, long error)
    {
        Libc.Error = (int)error;
        return result;
    }

    /// <summary>Also of a descriptor that was given: it is used up. Waits for the server, where it is a child.</summary>
    public void Close()
    {
        Libc.Close(Fd);
        if (server != 0)
            Kernel.Call(Nr.wait4, server, 0, 0, 0);
        (Fd, server) = (-1, 0);
    }

    /// <summary>Sends one packet; a server that has gone does not end us (SIGPIPE). 0 or -errno.</summary>
    public readonly long Send(ReadOnlySpan<byte> message)
    {
        fixed (byte* start = message)
            while (true)
            {
                long result = Kernel.Call(Nr.sendto, Fd, (long)start, message.Length, Sockets.MSG_NOSIGNAL);
                if (result != -Errno.EAGAIN)
                    return Kernel.Failed(result) ? result : 0;
                Await(Poll.POLLOUT);
            }
    }

    /// <summary>Length of the next packet, in bytes, or -errno.</summary>
    public readonly long AwaitPacket()
    {
        while (true)
        {
            long result = Kernel.Call(Nr.recvfrom, Fd, 0, 0, Sockets.MSG_PEEK | Sockets.MSG_TRUNC);
            if (result != -Errno.EAGAIN)
                return result;
            Await(Poll.POLLIN);
        }
    }

    /// <summary>A descriptor that was given may be non-blocking.</summary>
    private readonly void Await(short events)
    {
        PollEntry entry = new() { Fd = Fd, Events = events };
        Kernel.Call(Nr.poll, (long)(&entry), 1, -1);
    }

    /// <summary>Takes the next packet. A descriptor that comes with it, or -1, is the caller's; like any that libcriu gives, programs started later inherit it.</summary>
    public readonly long Receive(byte* buffer, long size, out int passed)
    {
        const int ControlSize = ControlHeader.Size + sizeof(long);
        byte* control = stackalloc byte[ControlSize];
        var vector = stackalloc long[] { (long)buffer, size };       // struct iovec
        var header = new MessageHeader { Vectors = (ulong)vector, VectorCount = 1, Control = (ulong)control, ControlLength = ControlSize };
        long result = Kernel.Call(Nr.recvmsg, Fd, (long)(&header));
        var found = (ControlHeader*)control;
        bool hasDescriptor = !Kernel.Failed(result) && header.ControlLength >= ControlHeader.Size + sizeof(int)
            && found->Level == Sockets.SOL_SOCKET && found->Type == Sockets.SCM_RIGHTS;
        passed = hasDescriptor ? *(int*)(control + ControlHeader.Size) : -1;
        return result;
    }
}
