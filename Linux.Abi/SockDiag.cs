namespace Linux.Abi;

/// <summary>linux/sock_diag.h, linux/unix_diag.h, linux/inet_diag.h.</summary>
internal static class SockDiag
{
    public const int SOCK_DIAG_BY_FAMILY = 20;
    public const int UDIAG_SHOW_NAME = 1, UDIAG_SHOW_VFS = 2, UDIAG_SHOW_PEER = 4, UDIAG_SHOW_ICONS = 8, UDIAG_SHOW_RQLEN = 16;
    public const int UNIX_DIAG_NAME = 0, UNIX_DIAG_VFS = 1, UNIX_DIAG_PEER = 2, UNIX_DIAG_ICONS = 3, UNIX_DIAG_RQLEN = 4, UNIX_DIAG_SHUTDOWN = 6;
    public const int INET_DIAG_INFO = 2, INET_DIAG_SHUTDOWN = 8, INET_DIAG_MD5SIG = 18;
}

/// <summary>struct unix_diag_req, linux/unix_diag.h.</summary>
internal struct UnixDiagRequest
{
    public byte Family, Protocol;
    public ushort Pad;
    public uint States, Inode, Show, Cookie0, Cookie1;
}

/// <summary>struct unix_diag_msg, linux/unix_diag.h; attributes follow.</summary>
internal struct UnixDiagMessage
{
    public byte Family, Type, State, Pad;
    public uint Inode, Cookie0, Cookie1;

    public const int Size = 16;
}

/// <summary>struct inet_diag_req_v2, linux/inet_diag.h; ports and addresses in network order.</summary>
internal unsafe struct InetDiagRequest
{
    public byte Family, Protocol, Extensions, Pad;
    public uint States;
    public ushort SourcePort, DestinationPort;
    public fixed byte Source[16];
    public fixed byte Destination[16];
    public uint Interface, Cookie0, Cookie1;
}

/// <summary>struct inet_diag_msg, linux/inet_diag.h; attributes follow.</summary>
internal unsafe struct InetDiagMessage
{
    public byte Family, State, Timer, Retransmissions;
    public ushort SourcePort, DestinationPort;
    public fixed byte Source[16];
    public fixed byte Destination[16];
    public uint Interface, Cookie0, Cookie1, Expires, ReceiveQueue, SendQueue, User, Inode;

    public const int Size = 72;
}
