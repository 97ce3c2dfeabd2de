using System.Text;

namespace Linux.Abi;

/// <summary>Interfaces of the network namespace of the calling thread, netdevice(7).</summary>
internal static unsafe class NetworkInterfaces
{
    private const int RequestBytes = 40, NameBytes = 16;     // struct ifreq, IFNAMSIZ

    /// <returns>0 where there is none of this name.</returns>
    public static int NumberOf(string name)
    {
        byte* request = stackalloc byte[RequestBytes];
        new Span<byte>(request, RequestBytes).Clear();
        if (Encoding.UTF8.GetByteCount(name) >= NameBytes)
            return 0;
        Encoding.UTF8.GetBytes(name, new Span<byte>(request, NameBytes));
        return Ask(Inet.SIOCGIFINDEX, request) ? *(int*)(request + NameBytes) : 0;
    }

    public static string? NameOf(int number)
    {
        byte* request = stackalloc byte[RequestBytes];
        new Span<byte>(request, RequestBytes).Clear();
        *(int*)(request + NameBytes) = number;
        return Ask(Inet.SIOCGIFNAME, request) ? Encoding.UTF8.GetString(new ReadOnlySpan<byte>(request, NameBytes)).TrimEnd('\0') : null;
    }

    private static bool Ask(int what, byte* request)
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_INET, Sockets.SOCK_DGRAM | Sockets.SOCK_CLOEXEC, 0);
        if (Kernel.Failed(fd))
            return false;
        using var socket = Kernel.Own(fd);
        return !Kernel.Failed(Kernel.Call(Nr.ioctl, socket.Fd(), what, (long)request));
    }
}
