using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>What sock_diag(7) tells of a unix socket.</summary>
internal sealed record UnixSocketInfo
{
    public required uint Inode { get; init; }

    /// <summary>SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.</summary>
    public required int Type { get; init; }

    /// <summary>One of <see cref="SocketStates"/>.</summary>
    public required int State { get; init; }

    /// <summary>
    /// sun_path: a path with its NUL, or a NUL and an abstract name; empty without a name. A socket that was accepted has its listener's.
    /// </summary>
    public byte[] Name { get; private set; } = [];

    /// <summary>The file that a path was bound to: inode, and device in the kernel's form; null without.</summary>
    public (uint Inode, uint Device)? File { get; private set; }

    /// <summary>The other end's inode; 0 for one that is closed or was not accepted yet, null where there never was one.</summary>
    public uint? Peer { get; private set; }

    /// <summary>A listener: the inodes of sockets that have connected and wait to be accepted; 0 for those that are closed again.</summary>
    public IReadOnlyList<uint> Waiting { get; private set; } = [];

    /// <summary>Bytes that wait to be read; of datagrams, those of the first. A listener: how many wait to be accepted.</summary>
    public uint ReceiveQueue { get; private set; }

    /// <summary>Bytes of memory that wait to be read by the peer. A listener: its backlog.</summary>
    public uint SendQueue { get; private set; }

    /// <summary>Bit 0: nothing more is read; bit 1: nothing more is written.</summary>
    public int Shutdown { get; private set; }

    /// <summary>Parses one answer of the kernel.</summary>
    /// <param name="answer">struct unix_diag_msg and its attributes, without the netlink header.</param>
    /// <returns>Null where it is cut short.</returns>
    public static UnixSocketInfo? Parse(ReadOnlySpan<byte> answer)
    {
        if (!MemoryMarshal.TryRead(answer, out UnixDiagMessage message))
            return null;
        var info = new UnixSocketInfo { Inode = message.Inode, Type = message.Type, State = message.State };
        for (var rest = answer[UnixDiagMessage.Size..]; rest.Length >= AttributeHeader;)
        {
            int length = MemoryMarshal.Read<ushort>(rest), type = MemoryMarshal.Read<ushort>(rest[2..]);
            if (length < AttributeHeader || length > rest.Length || !info.Take(type, rest[AttributeHeader..length]))
                return null;
            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }
        return info;
    }

    private const int AttributeHeader = 4;              // struct nlattr: length with the header, type

    private bool Take(int type, ReadOnlySpan<byte> value)
    {
        var words = MemoryMarshal.Cast<byte, uint>(value);
        switch (type)
        {
            case SockDiag.UNIX_DIAG_NAME:
                Name = value.ToArray();
                return true;
            case SockDiag.UNIX_DIAG_VFS when words.Length >= 2:
                File = (words[0], words[1]);
                return true;
            case SockDiag.UNIX_DIAG_PEER when words.Length >= 1:
                Peer = words[0];
                return true;
            case SockDiag.UNIX_DIAG_ICONS:
                Waiting = words.ToArray();
                return true;
            case SockDiag.UNIX_DIAG_RQLEN when words.Length >= 2:
                (ReceiveQueue, SendQueue) = (words[0], words[1]);
                return true;
            case SockDiag.UNIX_DIAG_SHUTDOWN when value.Length >= 1:
                Shutdown = value[0];
                return true;
            default:
                return type is not (SockDiag.UNIX_DIAG_VFS or SockDiag.UNIX_DIAG_PEER or SockDiag.UNIX_DIAG_RQLEN or SockDiag.UNIX_DIAG_SHUTDOWN);
        }
    }
}
