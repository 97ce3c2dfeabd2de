using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>A socket option that takes CAP_NET_ADMIN, always or for some values; which, differs between kernels. The numbers are those of the repair helper's protocol.</summary>
public enum PrivilegedOption : ushort
{
    /// <summary>TCP_REPAIR: a <see cref="RepairMode"/>, 4 bytes.</summary>
    Repair = 1,

    /// <summary>SO_MARK: 4 bytes.</summary>
    Mark,

    /// <summary>IP_TRANSPARENT: 4 bytes. The socket may have an address of another host.</summary>
    Transparent,

    /// <summary>IPV6_TRANSPARENT: 4 bytes.</summary>
    TransparentIPv6,

    /// <summary>SO_SNDBUFFORCE: 4 bytes, half of what SO_SNDBUF then tells.</summary>
    SendBuffer,

    /// <summary>SO_RCVBUFFORCE: 4 bytes, half of what SO_RCVBUF then tells.</summary>
    ReceiveBuffer,

    /// <summary>SO_PRIORITY above 6: 4 bytes.</summary>
    Priority,

    /// <summary>SO_BINDTODEVICE: a name of up to 15 bytes and a zero.</summary>
    BindToDevice,

    /// <summary>SO_ATTACH_FILTER with the one filter that drops whatever comes in: no bytes. Nobody can have another filter set by this.</summary>
    DropIncoming,

    /// <summary>SO_DEBUG: 4 bytes.</summary>
    Debug,

    /// <summary>SO_RCVMARK: 4 bytes.</summary>
    ReceiveMark,

    /// <summary>SO_BUSY_POLL: microseconds, 4 bytes.</summary>
    BusyPoll,

    /// <summary>SO_PREFER_BUSY_POLL: 4 bytes.</summary>
    PreferBusyPoll,

    /// <summary>SO_BUSY_POLL_BUDGET: packets, 4 bytes.</summary>
    BusyPollBudget,

    /// <summary>SO_TXTIME: 8 bytes.</summary>
    TransmitTime,

    /// <summary>TCP_CONGESTION, an algorithm that is restricted: a name of up to 15 bytes and a zero.</summary>
    Congestion,
}

/// <summary>The only options that are ever set by privilege, with the lengths that they may have, in bytes.</summary>
internal readonly record struct PrivilegedRow(PrivilegedOption Option, int Level, int Number, int Least, int Most);

internal static class PrivilegedOptions
{
    private const int Flag = sizeof(int), LongestName = 16;

    public static readonly PrivilegedRow[] Rows =
    [
        new(PrivilegedOption.Repair, Inet.IPPROTO_TCP, Tcp.REPAIR, Flag, Flag), new(PrivilegedOption.Mark, Sockets.SOL_SOCKET, So.MARK, Flag, Flag),
        new(PrivilegedOption.Transparent, Inet.IPPROTO_IP, Ip.TRANSPARENT, Flag, Flag), new(PrivilegedOption.TransparentIPv6, Inet.IPPROTO_IPV6, Ipv6.TRANSPARENT, Flag, Flag),
        new(PrivilegedOption.SendBuffer, Sockets.SOL_SOCKET, So.SNDBUFFORCE, Flag, Flag), new(PrivilegedOption.ReceiveBuffer, Sockets.SOL_SOCKET, So.RCVBUFFORCE, Flag, Flag),
        new(PrivilegedOption.Priority, Sockets.SOL_SOCKET, So.PRIORITY, Flag, Flag), new(PrivilegedOption.BindToDevice, Sockets.SOL_SOCKET, So.BINDTODEVICE, 0, LongestName),
        new(PrivilegedOption.DropIncoming, Sockets.SOL_SOCKET, So.ATTACH_FILTER, 0, 0), new(PrivilegedOption.Debug, Sockets.SOL_SOCKET, So.DEBUG, Flag, Flag),
        new(PrivilegedOption.ReceiveMark, Sockets.SOL_SOCKET, So.RCVMARK, Flag, Flag), new(PrivilegedOption.BusyPoll, Sockets.SOL_SOCKET, So.BUSY_POLL, Flag, Flag),
        new(PrivilegedOption.PreferBusyPoll, Sockets.SOL_SOCKET, So.PREFER_BUSY_POLL, Flag, Flag), new(PrivilegedOption.BusyPollBudget, Sockets.SOL_SOCKET, So.BUSY_POLL_BUDGET, Flag, Flag),
        new(PrivilegedOption.TransmitTime, Sockets.SOL_SOCKET, So.TXTIME, 8, 8), new(PrivilegedOption.Congestion, Inet.IPPROTO_TCP, Tcp.CONGESTION, 1, LongestName),
    ];

    public static PrivilegedRow? Find(PrivilegedOption option)
    {
        foreach (var row in Rows)
            if (row.Option == option)
                return row;
        return null;
    }

    private static PrivilegedRow? Find(int level, int number)
    {
        foreach (var row in Rows)
            if (row.Level == level && row.Number == number)
                return row;
        return null;
    }

    /// <summary>Sets it by the privilege of this process.</summary>
    /// <returns>0 or more, or -errno; -EINVAL also for what is not in the table, or not of its length.</returns>
    public static long Apply(SafeHandle socket, PrivilegedOption option, ReadOnlySpan<byte> value)
    {
        if (Find(option) is not { } row || value.Length < row.Least || value.Length > row.Most)
            return -Errno.EINVAL;
        return option == PrivilegedOption.DropIncoming ? DroppingFilter.Attach(socket) : new SocketCalls((int)socket.DangerousGetHandle(), "").TrySet(row.Level, row.Number, value);
    }

    /// <summary>By the process itself, and where it may not, by who may.</summary>
    /// <returns>0 or more, or -errno.</returns>
    public static long TrySet(this IRepairSwitch privilege, SafeHandle socket, int level, int number, ReadOnlySpan<byte> value)
    {
        long own = new SocketCalls((int)socket.DangerousGetHandle(), "").TrySet(level, number, value);
        return own is -Errno.EPERM or -Errno.EACCES && privilege is not OwnRepairSwitch && Find(level, number) is { } row ? privilege.Set(socket, row.Option, value) : own;
    }

    public static long TrySet(this IRepairSwitch privilege, SafeHandle socket, int level, int number, int value) =>
        privilege.TrySet(socket, level, number, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));
}
