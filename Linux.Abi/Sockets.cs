namespace Linux.Abi;

/// <summary>linux/socket.h, asm-generic/socket.h, linux/un.h.</summary>
internal static class Sockets
{
    public const int AF_UNIX = 1, AF_NETLINK = 16, SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_SEQPACKET = 5, SOCK_CLOEXEC = 0x80000;
    public const int MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_CMSG_CLOEXEC = 0x40000000, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
    public const int SOL_SOCKET = 1, SCM_RIGHTS = 1, SO_REUSEADDR = 2, SO_DONTROUTE = 5, SO_BROADCAST = 6, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_KEEPALIVE = 9,
        SO_OOBINLINE = 10, SO_NO_CHECK = 11, SO_PRIORITY = 12, SO_LINGER = 13, SO_REUSEPORT = 15, SO_PASSCRED = 16, SO_PEERCRED = 17, SO_RCVLOWAT = 18, SO_RCVTIMEO = 20,
        SO_SNDTIMEO = 21, SO_ACCEPTCONN = 30, SO_BINDTODEVICE = 25, SO_ATTACH_FILTER = 26, SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33, SO_PASSSEC = 34, SO_MARK = 36, SO_DOMAIN = 39,
        SO_PEEK_OFF = 42, SO_BUF_LOCK = 72, SO_PASSPIDFD = 76;
    public const int SIOCUNIXFILE = 0x89e0;
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
