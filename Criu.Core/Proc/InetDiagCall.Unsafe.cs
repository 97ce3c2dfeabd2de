using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>Asks sock_diag(7) which directions of inet sockets are shut down, which nothing else tells. A kernel that cannot answer for a protocol tells of none.</summary>
internal static unsafe class InetDiagCall
{
    private const int BufferBytes = 256 << 10;

    /// <summary>Adds the shutdown bits (1: reading, 2: writing) of all sockets of one family and protocol, by inode.</summary>
    public static void AddShutdowns(byte family, byte protocol, Dictionary<uint, byte> found)
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_NETLINK, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, Netlink.NETLINK_SOCK_DIAG);
        if (Kernel.Failed(fd))
            return;
        using var socket = Kernel.Own(fd);
        var request = new InetDiagRequest { Family = family, Protocol = protocol, States = uint.MaxValue };
        (NetlinkHeader Header, InetDiagRequest Request) message = (
            new() { Length = (uint)(NetlinkHeader.Size + sizeof(InetDiagRequest)), Type = SockDiag.SOCK_DIAG_BY_FAMILY, Flags = Netlink.NLM_F_REQUEST | Netlink.NLM_F_DUMP }, request);
        if (Kernel.Failed(Kernel.Call(Nr.sendto, socket.Fd(), (long)(&message), message.Header.Length, 0, 0, 0)))
            return;
        byte[] buffer = new byte[BufferBytes];
        long got;
        do
            fixed (byte* into = buffer)
                got = Kernel.Call(Nr.recvfrom, socket.Fd(), (long)into, buffer.Length, 0, 0, 0);
        while (got > 0 && TakeAll(buffer.AsSpan(0, (int)got), found));
    }

    /// <returns>Whether more parts follow.</returns>
    private static bool TakeAll(ReadOnlySpan<byte> answer, Dictionary<uint, byte> found)
    {
        while (MemoryMarshal.TryRead(answer, out NetlinkHeader header) && header.Length >= NetlinkHeader.Size && header.Length <= answer.Length)
        {
            if (header.Type is Netlink.NLMSG_DONE or Netlink.NLMSG_ERROR)
                return false;
            var body = answer[NetlinkHeader.Size..(int)header.Length];
            if (body.Length >= InetDiagMessage.Size)
                TakeOne(MemoryMarshal.Read<InetDiagMessage>(body), body[InetDiagMessage.Size..], found);
            answer = answer[Math.Min((int)(header.Length + 3) & ~3, answer.Length)..];
        }
        return answer.Length == 0;
    }

    private static void TakeOne(in InetDiagMessage message, ReadOnlySpan<byte> attributes, Dictionary<uint, byte> found)
    {
        while (MemoryMarshal.TryRead(attributes, out NetlinkAttribute attribute) && attribute.Length >= 4 && attribute.Length <= attributes.Length)
        {
            if (attribute.Type == SockDiag.INET_DIAG_SHUTDOWN && attribute.Length > 4)
                found[message.Inode] = attributes[4];
            attributes = attributes[Math.Min((attribute.Length + 3) & ~3, attributes.Length)..];
        }
    }
}
