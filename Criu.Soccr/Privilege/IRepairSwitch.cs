using System.Collections.Immutable;
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
/// Who does what takes CAP_NET_ADMIN: switching repair mode, and setting a few options. All else an ordinary process can do on a socket in repair mode. An application without
/// the capability leaves this to a small process with it: <see cref="RepairHelperClient"/> and <see cref="RepairHelper"/>.
/// </summary>
public interface IRepairSwitch
{
    /// <summary>Switches repair mode of one socket.</summary>
    /// <returns>0, or the kernel's error number, negative.</returns>
    /// <exception cref="SoccrException">Whoever should do it cannot be reached.</exception>
    int Switch(SafeHandle socket, RepairMode mode);

    /// <summary>Sets another option of one socket. It is asked only where the kernel has refused the option to this process itself.</summary>
    /// <param name="socket">A TCP socket.</param>
    /// <param name="option">Which.</param>
    /// <param name="value">As setsockopt(2) takes it; empty for <see cref="PrivilegedOption.DropIncoming"/>.</param>
    /// <returns>0, or the kernel's error number, negative.</returns>
    /// <exception cref="SoccrException">Whoever should do it cannot be reached.</exception>
    int Set(SafeHandle socket, PrivilegedOption option, ReadOnlySpan<byte> value);

    /// <summary>Reads the keys of TCP_MD5SIG, which are told only to who has the capability.</summary>
    /// <param name="socket">A TCP socket.</param>
    /// <param name="keys">All of them.</param>
    /// <returns>0, or the kernel's error number, negative.</returns>
    /// <exception cref="SoccrException">Whoever should do it cannot be reached.</exception>
    int ReadMd5Keys(SafeHandle socket, out ImmutableArray<TcpMd5Key> keys);
}

/// <summary>By the process's own CAP_NET_ADMIN.</summary>
internal sealed class OwnRepairSwitch : IRepairSwitch
{
    public static readonly OwnRepairSwitch Instance = new();

    public int Switch(SafeHandle socket, RepairMode mode) => (int)new SocketCalls((int)socket.DangerousGetHandle(), "").TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR, (int)mode);

    public int Set(SafeHandle socket, PrivilegedOption option, ReadOnlySpan<byte> value) => (int)PrivilegedOptions.Apply(socket, option, value);

    public int ReadMd5Keys(SafeHandle socket, out ImmutableArray<TcpMd5Key> keys)
    {
        using var diagnosis = new SocketDiagnosis();
        return (int)Md5Keys.TryRead(socket, diagnosis, out keys);
    }
}
