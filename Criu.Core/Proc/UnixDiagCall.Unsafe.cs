using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>Asks sock_diag(7) for all unix sockets of the engine's network namespace, which is the tree's too.</summary>
internal static unsafe class UnixDiagCall
{
    private const int BufferBytes = 256 << 10;

    /// <summary>All sockets by their inode.</summary>
    /// <exception cref="CheckpointException">The kernel does not answer.</exception>
    public static Dictionary<uint, UnixSocketInfo> ReadAll()
    {
        using var socket = Kernel.Own(Check(Kernel.Call(Nr.socket, Sockets.AF_NETLINK, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, Netlink.NETLINK_SOCK_DIAG)));
        Check(Ask(socket.Fd()));
        var found = new Dictionary<uint, UnixSocketInfo>();
        byte[] buffer = new byte[BufferBytes];
        long got;
        do
            fixed (byte* into = buffer)
                got = Check(Kernel.Call(Nr.recvfrom, socket.Fd(), (long)into, buffer.Length, 0, 0, 0));
        while (!TakeAll(buffer.AsSpan(0, (int)got), found));
        return found;
    }

    private static long Ask(int socket)
    {
        const uint Show = SockDiag.UDIAG_SHOW_NAME | SockDiag.UDIAG_SHOW_VFS | SockDiag.UDIAG_SHOW_PEER | SockDiag.UDIAG_SHOW_ICONS | SockDiag.UDIAG_SHOW_RQLEN;
        (NetlinkHeader Header, UnixDiagRequest Request) message = (
            new() { Length = (uint)(NetlinkHeader.Size + sizeof(UnixDiagRequest)), Type = SockDiag.SOCK_DIAG_BY_FAMILY, Flags = Netlink.NLM_F_REQUEST | Netlink.NLM_F_DUMP },
            new() { Family = Sockets.AF_UNIX, States = uint.MaxValue, Show = Show });
        return Kernel.Call(Nr.sendto, socket, (long)(&message), message.Header.Length, 0, 0, 0);
    }

    /// <returns>Whether this was the last part.</returns>
    private static bool TakeAll(ReadOnlySpan<byte> answer, Dictionary<uint, UnixSocketInfo> found)
    {
        while (MemoryMarshal.TryRead(answer, out NetlinkHeader header) && header.Length >= NetlinkHeader.Size && header.Length <= answer.Length)
        {
            var body = answer[NetlinkHeader.Size..(int)header.Length];
            if (header.Type == Netlink.NLMSG_DONE)
                return true;
            if (header.Type == Netlink.NLMSG_ERROR)
                Check(MemoryMarshal.TryRead(body, out int error) ? error : -Errno.EBADMSG);
            if (UnixSocketInfo.Parse(body) is not { } info)
                throw new CheckpointException("sock_diag answers about unix sockets in a form that is not known");
            found[info.Inode] = info;
            answer = answer[Math.Min((int)(header.Length + 3) & ~3, answer.Length)..];
        }
        return answer.Length > 0 ? throw new CheckpointException("sock_diag answers about unix sockets in a form that is not known") : false;
    }

    private static long Check(long result) => Kernel.Failed(result)
        ? throw new CheckpointException($"sock_diag does not tell of unix sockets: {Errno.Name(result)}", "Use a kernel built with CONFIG_UNIX_DIAG")
        : result;
}
