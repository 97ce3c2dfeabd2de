using System.Runtime.CompilerServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Calls on one socket. What fails is named together with the connection; -errno is answered where the caller wants to look at it.</summary>
/// <param name="fd">The descriptor.</param>
/// <param name="subject">Whose text names the connection. It is asked for when something fails: making it for each costs more than some calls.</param>
internal readonly unsafe struct SocketCalls(int fd, object subject)
{
    public int Fd => fd;

    public string Subject => subject.ToString()!;

    public SoccrException Failed(string step, long result, string? cure = null) => new(step, Subject, (int)-result, cure);

    public long Check(long result, string step, string? cure = null) => Kernel.Failed(result) ? throw Failed(step, result, cure) : result;

    public long TryGet(int level, int option, Span<byte> into)
    {
        int length = into.Length;
        fixed (byte* value = into)
        {
            long result = Kernel.Call(Nr.getsockopt, fd, level, option, (long)value, (long)(&length));
            return Kernel.Failed(result) ? result : length;
        }
    }

    public long TryGet<T>(int level, int option, out T value) where T : unmanaged
    {
        value = default;
        int length = sizeof(T);
        return Kernel.Call(Nr.getsockopt, fd, level, option, (long)Unsafe.AsPointer(ref value), (long)(&length));
    }

    public T Get<T>(int level, int option, string name) where T : unmanaged
    {
        T value = default;
        int length = sizeof(T);
        Check(Kernel.Call(Nr.getsockopt, fd, level, option, (long)(&value), (long)(&length)), name);
        return value;
    }

    public long TrySet(int level, int option, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value)
            return Kernel.Call(Nr.setsockopt, fd, level, option, (long)bytes, value.Length);
    }

    public long TrySet<T>(int level, int option, T value) where T : unmanaged => Kernel.Call(Nr.setsockopt, fd, level, option, (long)(&value), sizeof(T));

    public void Set<T>(int level, int option, T value, string name, string? cure = null) where T : unmanaged => Check(TrySet(level, option, value), name, cure);

    /// <summary>A number that an ioctl answers.</summary>
    public int Ask(int request, string name)
    {
        int value = 0;
        Check(Kernel.Call(Nr.ioctl, fd, request, (long)(&value)), name);
        return value;
    }

    public long Receive(Span<byte> into, int flags)
    {
        fixed (byte* bytes = into)
            return Kernel.Call(Nr.recvfrom, fd, (long)bytes, into.Length, flags);
    }

    /// <summary>Into two places, one after the other.</summary>
    public long Receive(Span<byte> into, Span<byte> then, int flags)
    {
        fixed (byte* first = into, second = then)
        {
            IoVector* vectors = stackalloc IoVector[2] { new() { Base = (long)first, Length = into.Length }, new() { Base = (long)second, Length = then.Length } };
            var header = new MessageHeader { Vectors = (ulong)vectors, VectorCount = 2 };
            return Kernel.Call(Nr.recvmsg, fd, (long)(&header), flags);
        }
    }

    public long Send(ReadOnlySpan<byte> data, int flags)
    {
        fixed (byte* bytes = data)
            return Kernel.Call(Nr.sendto, fd, (long)bytes, data.Length, flags | Sockets.MSG_NOSIGNAL);
    }

    public long Bind(in SocketAddress address)
    {
        fixed (SocketAddress* a = &address)
            return Kernel.Call(Nr.bind, fd, (long)a, a->Length);
    }

    public long Connect(in SocketAddress address)
    {
        fixed (SocketAddress* a = &address)
            return Kernel.CallOnce(Nr.connect, fd, (long)a, a->Length);
    }

    /// <summary>getsockname(2).</summary>
    public bool TryName(out SocketAddress address)
    {
        address = default;
        int length = SocketAddress.Size;
        fixed (SocketAddress* a = &address)
            return !Kernel.Failed(Kernel.Call(Nr.getsockname, fd, (long)a, (long)(&length)));
    }

    /// <summary>getpeername(2): only while there is a connection.</summary>
    public bool TryConnectedName(out SocketAddress address)
    {
        address = default;
        int length = SocketAddress.Size;
        fixed (SocketAddress* a = &address)
            return !Kernel.Failed(Kernel.Call(Nr.getpeername, fd, (long)a, (long)(&length)));
    }

    /// <summary>SO_PEERNAME, which answers also while a connection is not established yet or no longer.</summary>
    /// <param name="own">Our own, which is of the same length: a length that is more than it has is refused.</param>
    /// <param name="address">The peer's.</param>
    public bool TryPeerName(in SocketAddress own, out SocketAddress address)
    {
        address = default;
        int length = own.Length;
        fixed (SocketAddress* a = &address)
            return !Kernel.Failed(Kernel.Call(Nr.getsockopt, fd, Sockets.SOL_SOCKET, So.PEERNAME, (long)a, (long)(&length)));
    }

    /// <summary>The same where our own name is not at hand.</summary>
    public bool TryPeerName(out SocketAddress address)
    {
        address = default;
        return TryName(out var own) && TryPeerName(own, out address);
    }

    /// <summary>SO_MEMINFO: what the kernel has counted for the socket.</summary>
    public SocketMemory Memory()
    {
        SocketMemory memory = default;
        int length = sizeof(SocketMemory);
        Check(Kernel.Call(Nr.getsockopt, fd, Sockets.SOL_SOCKET, So.MEMINFO, (long)(&memory), (long)(&length)), "SO_MEMINFO");
        return memory;
    }

    /// <summary>Waits for something to read, or the end. False where the descriptor is none any more.</summary>
    public static bool Await(int fd, short wanted)
    {
        var poll = new PollEntry { Fd = fd, Events = wanted };
        return Kernel.Call(Nr.poll, (long)(&poll), 1, -1) > 0 && (poll.Found & Poll.POLLNVAL) == 0;
    }

    public static bool SendWhole(int fd, ReadOnlySpan<byte> data, int flags) => new SocketCalls(fd, "").Send(data, flags) == data.Length;

    public bool IsNonBlocking() => (Check(Kernel.Call(Nr.fcntl, fd, Fcntl.F_GETFL), "F_GETFL") & Fcntl.O_NONBLOCK) != 0;

    public bool HasEvents(short wanted)
    {
        var poll = new PollEntry { Fd = fd, Events = wanted };
        return Kernel.Call(Nr.poll, (long)(&poll), 1, 0) > 0 && (poll.Found & wanted) != 0;
    }
}

/// <summary>What SO_MEMINFO tells (linux/sock_diag.h, SK_MEMINFO_*), all in bytes. No memory received, or queued for sending, is no byte and no FIN in that queue.</summary>
internal readonly struct SocketMemory
{
    public readonly int Received, ReceiveBuffer, Sending, SendBuffer, Forward, Queued, Options, Backlog, Drops;
}
