using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Soccr;

/// <summary>
/// A socket to nfnetlink, or sock_diag, of the network namespace in which it was made. The kernel works on a message within send(2), so all its answers are there when send returns;
/// what remains to be watched is room: for the message on one side, for the answers on the other.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    private const int LeastRoom = 200_000;                      // about the kernel's own limit of a send, /proc/sys/net/core/wmem_default
    private readonly byte[] buffer = new byte[16 * 1024];       // we ask for one object at a time: the longest answer is a table, its name and its comment
    private int room = LeastRoom;

    private NetlinkSocket(SafeFileHandle handle) => Handle = handle;

    public SafeFileHandle Handle { get; }

    /// <returns>Minus the kernel's error number where there is no such socket.</returns>
    public static long TryOpen(out NetlinkSocket? socket, int protocol = Netlink.NETLINK_NETFILTER)
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_NETLINK, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, protocol);
        socket = Kernel.Failed(fd) ? null : new NetlinkSocket(Kernel.Own(fd));
        // Refusals short, and with words. Kernels before 4.12 have no words.
        socket?.Set(Netlink.SOL_NETLINK, Netlink.NETLINK_CAP_ACK, 1);
        socket?.Set(Netlink.SOL_NETLINK, Netlink.NETLINK_EXT_ACK, 1);
        return fd;
    }

    /// <summary>Sends messages and gives all that the kernel answers.</summary>
    /// <param name="messages">One or more.</param>
    /// <param name="answers">Whole messages, in order; the last are missing where there was no room for them.</param>
    /// <returns>Negative where the messages did not get to the kernel: -errno.</returns>
    public long Exchange(ReadOnlySpan<byte> messages, out List<byte[]> answers)
    {
        bool added = false;
        Handle.DangerousAddRef(ref added);
        try
        {
            Receive();                                          // what a write of another holder of the descriptor has left, see RemovalMessage
            MakeRoom(messages.Length);
            long result;
            fixed (byte* bytes = messages)
                result = Kernel.Call(Nr.sendto, Handle.Fd(), (long)bytes, messages.Length);
            answers = Receive();
            return result;
        }
        finally
        {
            if (added)
                Handle.DangerousRelease();
        }
    }

    /// <summary>
    /// A message longer than the send buffer is EMSGSIZE. The forced sizes need CAP_NET_ADMIN, as all that is sent here does; without it the kernel then says so in its
    /// answer. Each refused message costs about 1 KB of the receive buffer, and a message is up to 64 KB, so that the same size is plenty there.
    /// </summary>
    private void MakeRoom(int bytes)
    {
        if (bytes <= room)
            return;
        if (Kernel.Failed(Set(Sockets.SOL_SOCKET, So.SNDBUFFORCE, bytes)))
            Set(Sockets.SOL_SOCKET, So.SNDBUF, bytes);
        Set(Sockets.SOL_SOCKET, So.RCVBUFFORCE, bytes);
        room = bytes;
    }

    private long Set(int level, int option, int value) => Kernel.Call(Nr.setsockopt, Handle.Fd(), level, option, (long)(&value), sizeof(int));

    private List<byte[]> Receive()
    {
        List<byte[]> messages = [];
        while (true)
        {
            long count;
            fixed (byte* bytes = buffer)
                count = Kernel.Call(Nr.recvfrom, Handle.Fd(), (long)bytes, buffer.Length, Sockets.MSG_DONTWAIT);
            if (count == -Errno.ENOBUFS)
                continue;                                       // an answer found no room: said once, before those that did
            if (count <= 0)
                return messages;
            Split(buffer.AsSpan(0, (int)count), messages);
        }
    }

    private static void Split(ReadOnlySpan<byte> datagram, List<byte[]> messages)
    {
        while (datagram.Length >= 16)
        {
            int length = (int)Math.Min(MemoryMarshal.Read<NetlinkHeader>(datagram).Length, (uint)datagram.Length);
            if (length < 16)
                return;
            messages.Add(datagram[..length].ToArray());
            datagram = datagram[Math.Min(datagram.Length, length + 3 & ~3)..];
        }
    }

    public void Dispose() => Handle.Dispose();
}
