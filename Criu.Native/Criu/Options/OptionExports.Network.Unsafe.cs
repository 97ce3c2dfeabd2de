using System.Runtime.InteropServices;
using static Criu.Native.OptionField;
using static Criu.Native.OptionSetting;

namespace Criu.Native;

// Sockets and network devices.
internal static unsafe partial class OptionExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_set_ext_unix_sk")]
    private static void SetExtUnixSk(byte value) => Switch(Global, ExtUnixSk, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_ext_unix_sk")]
    private static void SetExtUnixSk(CriuOptions* options, byte value) => Switch(options, ExtUnixSk, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_unix_sk")]
    private static int AddUnixSk(uint inode) => AddNumber(Global, UnixSkIno, inode);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_unix_sk")]
    private static int AddUnixSk(CriuOptions* options, uint inode) => AddNumber(options, UnixSkIno, inode);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_tcp_established")]
    private static void SetTcpEstablished(byte value) => Switch(Global, TcpEstablished, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_tcp_established")]
    private static void SetTcpEstablished(CriuOptions* options, byte value) => Switch(options, TcpEstablished, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_tcp_skip_in_flight")]
    private static void SetTcpSkipInFlight(byte value) => Switch(Global, TcpSkipInFlight, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_tcp_skip_in_flight")]
    private static void SetTcpSkipInFlight(CriuOptions* options, byte value) => Switch(options, TcpSkipInFlight, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_tcp_close")]
    private static void SetTcpClose(byte value) => Switch(Global, TcpClose, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_tcp_close")]
    private static void SetTcpClose(CriuOptions* options, byte value) => Switch(options, TcpClose, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_weak_sysctls")]
    private static void SetWeakSysctls(byte value) => Switch(Global, WeakSysctls, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_weak_sysctls")]
    private static void SetWeakSysctls(CriuOptions* options, byte value) => Switch(options, WeakSysctls, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_veth_pair")]
    private static int AddVethPair(byte* inside, byte* outside) => AddPair(Global, Veths, inside, outside);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_veth_pair")]
    private static int AddVethPair(CriuOptions* options, byte* inside, byte* outside) => AddPair(options, Veths, inside, outside);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_network_lock")]
    private static int SetNetworkLock(int method) => SetOneOf(Global, NetworkLock, method, most: 3);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_network_lock")]
    private static int SetNetworkLock(CriuOptions* options, int method) => SetOneOf(options, NetworkLock, method, most: 3);
}
