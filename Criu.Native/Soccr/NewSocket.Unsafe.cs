using Linux.Abi;

namespace Criu.Native;

/// <summary>What a program has set on a new socket: a restore must neither change nor forget it.</summary>
internal readonly struct NewSocket(int fd)
{
    public bool IsIPv6 { get; } = Ask(fd, Sockets.SOL_SOCKET, So.DOMAIN) == Sockets.AF_INET6;

    /// <summary>Bytes, as the kernel counts them.</summary>
    public int SendBuffer { get; } = Ask(fd, Sockets.SOL_SOCKET, So.SNDBUF);

    /// <summary>Bytes, as the kernel counts them.</summary>
    public int ReceiveBuffer { get; } = Ask(fd, Sockets.SOL_SOCKET, So.RCVBUF);

    public bool ReuseAddress { get; } = Ask(fd, Sockets.SOL_SOCKET, So.REUSEADDR) > 0;

    public bool KeepAlive { get; } = Ask(fd, Sockets.SOL_SOCKET, So.KEEPALIVE) > 0;

    public bool Cork { get; } = Ask(fd, Inet.IPPROTO_TCP, Tcp.CORK) > 0;

    public bool IsNonBlocking { get; } = (Kernel.Call(Nr.fcntl, fd, Fcntl.F_GETFL) & Fcntl.O_NONBLOCK) != 0;

    private static unsafe int Ask(int fd, int level, int option)
    {
        int value = -1, size = sizeof(int);
        return Kernel.Failed(Kernel.Call(Nr.getsockopt, fd, level, option, (long)(&value), (long)(&size))) ? -1 : value;
    }
}
