using System.Net;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>Calls on a socket that the engine holds: -errno is answered.</summary>
internal static unsafe class SocketCall
{
    /// <returns>Bytes of the value.</returns>
    public static long Get(SafeHandle socket, int level, int option, Span<byte> into)
    {
        int length = into.Length;
        fixed (byte* value = into)
        {
            long result = Kernel.Call(Nr.getsockopt, Fd(socket), level, option, (long)value, (long)(&length));
            return Kernel.Failed(result) ? result : length;
        }
    }

    public static long Get(SafeHandle socket, int level, int option, out int value)
    {
        value = 0;
        return Get(socket, level, option, MemoryMarshal.AsBytes(new Span<int>(ref value)));
    }

    public static long Set(SafeHandle socket, int level, int option, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value)
            return Kernel.Call(Nr.setsockopt, Fd(socket), level, option, (long)bytes, value.Length);
    }

    public static long Set(SafeHandle socket, int level, int option, int value) => Set(socket, level, option, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));

    public static long Bind(SafeHandle socket, IPEndPoint end)
    {
        var address = Linux.Abi.SocketAddress.Of(end);
        return Kernel.Call(Nr.bind, Fd(socket), (long)(&address), address.Length);
    }

    public static long Connect(SafeHandle socket, IPEndPoint end)
    {
        var address = Linux.Abi.SocketAddress.Of(end);
        return Kernel.Call(Nr.connect, Fd(socket), (long)(&address), address.Length);
    }

    /// <summary>Our name, or the peer's; null where there is none.</summary>
    public static IPEndPoint? Name(SafeHandle socket, bool peer)
    {
        Linux.Abi.SocketAddress address;
        int length = Linux.Abi.SocketAddress.Size;
        return Kernel.Failed(Kernel.Call(peer ? Nr.getpeername : Nr.getsockname, Fd(socket), (long)(&address), (long)(&length))) ? null : address.ToEndPoint();
    }

    /// <summary>The peer's name, also of a TCP connection that is not established yet or no longer (SO_PEERNAME).</summary>
    public static IPEndPoint? PeerName(SafeHandle socket)
    {
        Linux.Abi.SocketAddress address;
        Name(socket, &address);
        int length = address.Length;                    // SO_PEERNAME refuses a length that is more than it has
        return Kernel.Failed(Kernel.Call(Nr.getsockopt, Fd(socket), Sockets.SOL_SOCKET, So.PEERNAME, (long)(&address), (long)(&length))) ? null : address.ToEndPoint();
    }

    private static void Name(SafeHandle socket, Linux.Abi.SocketAddress* address)
    {
        int length = Linux.Abi.SocketAddress.Size;
        Kernel.Call(Nr.getsockname, Fd(socket), (long)address, (long)(&length));
    }

    public static long Shutdown(SafeHandle socket, int how) => Kernel.Call(Nr.shutdown, Fd(socket), how);

    public static long SetFlags(SafeHandle socket, uint flags) => Kernel.Call(Nr.fcntl, Fd(socket), Fcntl.F_SETFL, flags & ~(uint)Fcntl.O_ACCMODE);

    /// <summary>Attaches a classic filter.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="program">Instructions as images have them, see <see cref="SocketOptions"/>.</param>
    public static long AttachFilter(SafeHandle socket, IReadOnlyList<ulong> program)
    {
        var steps = new FilterInstruction[program.Count];
        for (int i = 0; i < steps.Length; i++)
            steps[i] = SocketOptions.ToInstruction(program[i]);
        fixed (FilterInstruction* first = steps)
        {
            var whole = new FilterProgram { Length = (ushort)steps.Length, Instructions = (ulong)first };
            return Kernel.Call(Nr.setsockopt, Fd(socket), Sockets.SOL_SOCKET, So.ATTACH_FILTER, (long)(&whole), sizeof(FilterProgram));
        }
    }

    /// <summary>Which of these events of poll(2) a socket has now.</summary>
    public static int Events(SafeHandle socket, short wanted)
    {
        var poll = new PollEntry { Fd = Fd(socket), Events = wanted };
        return Kernel.Call(Nr.poll, (long)(&poll), 1, 0) > 0 ? poll.Found : 0;
    }

    /// <summary>The next datagram from an offset on (SO_PEEK_OFF), without taking it out.</summary>
    /// <returns>Its bytes, also those that had no room.</returns>
    public static long Peek(SafeHandle socket, Span<byte> into, out IPEndPoint? sender)
    {
        Linux.Abi.SocketAddress from = default;
        int length = Linux.Abi.SocketAddress.Size;
        fixed (byte* bytes = into)
        {
            long got = Kernel.Call(Nr.recvfrom, Fd(socket), (long)bytes, into.Length, Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT | Sockets.MSG_TRUNC, (long)(&from), (long)(&length));
            sender = Kernel.Failed(got) || length == 0 ? null : from.ToEndPoint();
            return got;
        }
    }

    public static long SendTo(SafeHandle socket, ReadOnlySpan<byte> data, IPEndPoint to)
    {
        var address = Linux.Abi.SocketAddress.Of(to);
        fixed (byte* bytes = data)
            return Kernel.Call(Nr.sendto, Fd(socket), (long)bytes, data.Length, Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL, (long)(&address), address.Length);
    }

    private static int Fd(SafeHandle socket) => (int)socket.DangerousGetHandle();
}
