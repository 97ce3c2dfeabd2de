using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>The modes of TCP_REPAIR.</summary>
public enum RepairMode
{
    /// <summary>Off, and a probe tells the peer that we are back: it answers, and a window that has opened meanwhile is learnt at once.</summary>
    Off = Tcp.REPAIR_OFF,

    /// <summary>On: calls look at and change the connection, and send nothing.</summary>
    On = Tcp.REPAIR_ON,

    /// <summary>Off without a probe.</summary>
    OffQuietly = Tcp.REPAIR_OFF_NO_WP,
}

/// <summary>
/// Who switches repair mode, the one thing that takes CAP_NET_ADMIN. An application without it leaves this to a small helper with it.
/// </summary>
public interface IRepairSwitch
{
    /// <summary>Switches one socket.</summary>
    /// <returns>0, or the kernel's error number, negative.</returns>
    int Switch(SafeHandle socket, RepairMode mode);
}

/// <summary>Switches by the process's own CAP_NET_ADMIN.</summary>
internal sealed class OwnRepairSwitch : IRepairSwitch
{
    public static readonly OwnRepairSwitch Instance = new();

    public int Switch(SafeHandle socket, RepairMode mode) => (int)new SocketCalls((int)socket.DangerousGetHandle(), "").TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR, (int)mode);
}
