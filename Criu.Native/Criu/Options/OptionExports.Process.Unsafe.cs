using System.Runtime.InteropServices;
using static Criu.Native.OptionField;
using static Criu.Native.OptionSetting;

namespace Criu.Native;

// What to work on, and what becomes of it.
internal static unsafe partial class OptionExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_set_pid")]
    private static void SetPid(int pid) => Set(Global, Pid, pid);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_pid")]
    private static void SetPid(CriuOptions* options, int pid) => Set(options, Pid, pid);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_leave_running")]
    private static void SetLeaveRunning(byte value) => Switch(Global, LeaveRunning, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_leave_running")]
    private static void SetLeaveRunning(CriuOptions* options, byte value) => Switch(options, LeaveRunning, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_shell_job")]
    private static void SetShellJob(byte value) => Switch(Global, ShellJob, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_shell_job")]
    private static void SetShellJob(CriuOptions* options, byte value) => Switch(options, ShellJob, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_exec_cmd")]
    private static int SetExecCmd(int count, byte** arguments) => SetList(Global, ExecCmd, count, arguments);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_exec_cmd")]
    private static int SetExecCmd(CriuOptions* options, int count, byte** arguments) => SetList(options, ExecCmd, count, arguments);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_timeout")]
    private static void SetTimeout(uint seconds) => Set(Global, OptionField.Timeout, seconds);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_timeout")]
    private static void SetTimeout(CriuOptions* options, uint seconds) => Set(options, OptionField.Timeout, seconds);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_cpu_cap")]
    private static void SetCpuCap(uint features) => Set(Global, CpuCap, features);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_cpu_cap")]
    private static void SetCpuCap(CriuOptions* options, uint features) => Set(options, CpuCap, features);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_unprivileged")]
    private static void SetUnprivileged(byte value) => Switch(Global, Unprivileged, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_unprivileged")]
    private static void SetUnprivileged(CriuOptions* options, byte value) => Switch(options, Unprivileged, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_pidfd_store_sk")]
    private static void SetPidfdStoreSk(int socket) => Set(Global, PidfdStoreSk, socket);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_pidfd_store_sk")]
    private static void SetPidfdStoreSk(CriuOptions* options, int socket) => Set(options, PidfdStoreSk, socket);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_config_file")]
    private static int SetConfigFile(byte* path) => Set(Global, ConfigFile, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_config_file")]
    private static int SetConfigFile(CriuOptions* options, byte* path) => Set(options, ConfigFile, path);
}
