namespace Linux.Abi;

/// <summary>Families, types and flags of sockets: sys/socket.h, linux/sockios.h.</summary>
internal static class Sockets
{
    public const int AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16;
    public const int SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_SEQPACKET = 5, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
    public const int MSG_OOB = 1, MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000;
    public const int SOL_SOCKET = 1, SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, SCM_PIDFD = 4, SHUT_WR = 1, SIOCUNIXFILE = 0x89e0;
}

/// <summary>struct linger, linux/socket.h.</summary>
internal struct Linger
{
    public int OnOff, Seconds;
}

/// <summary>struct msghdr, linux/socket.h.</summary>
internal struct MessageHeader
{
    public ulong Name;
    public int NameLength;
    public ulong Vectors, VectorCount, Control, ControlLength;
    public int Flags;
}

/// <summary>struct cmsghdr, linux/socket.h; the data follow. The length, in bytes, has the header in it and is not padded; the next one begins at the next multiple of 8.</summary>
internal struct ControlHeader
{
    public ulong Length;
    public int Level, Type;

    public const int Size = 16;
}

/// <summary>struct ucred, linux/socket.h: a process, and its effective user and group.</summary>
internal struct PeerCredentials
{
    public int Process;
    public uint User, Group;
}

/// <summary>States of a socket, netinet/tcp.h: those of TCP, whatever the family.</summary>
internal static class SocketStates
{
    public const int ESTABLISHED = 1, CLOSE = 7, LISTEN = 10;
}
