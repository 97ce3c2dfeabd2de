using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Soccr;

/// <summary>What sockets have that were made just now, all of one network namespace: it is asked of the first.</summary>
internal sealed class NewSockets
{
    private volatile int receiveBuffer;                 // 0: not asked

    /// <summary>SO_RCVBUF, in bytes; it may have grown since.</summary>
    public int ReceiveBuffer => receiveBuffer;

    /// <param name="made">One that was made just now.</param>
    public void Look(SocketCalls made)
    {
        if (receiveBuffer == 0)
            receiveBuffer = made.Get<int>(Sockets.SOL_SOCKET, So.RCVBUF, "SO_RCVBUF");
    }

    /// <summary>One to compare with.</summary>
    /// <param name="family">AF_INET or AF_INET6.</param>
    /// <returns>Null where this host is without the family.</returns>
    public static SafeFileHandle? TryMake(int family)
    {
        long fd = Kernel.Call(Nr.socket, family, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        return Kernel.Failed(fd) ? null : Kernel.Own(fd);
    }
}
