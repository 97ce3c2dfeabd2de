using System.Runtime.InteropServices;
using static Criu.Native.OptionField;
using static Criu.Native.OptionSetting;

namespace Criu.Native;

// Control groups.
internal static unsafe partial class OptionExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_set_manage_cgroups")]
    private static void SetManageCgroups(byte value) => Switch(Global, ManageCgroups, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_manage_cgroups")]
    private static void SetManageCgroups(CriuOptions* options, byte value) => Switch(options, ManageCgroups, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_manage_cgroups_mode")]
    private static void SetManageCgroupsMode(int mode) => Set(Global, ManageCgroupsMode, mode);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_manage_cgroups_mode")]
    private static void SetManageCgroupsMode(CriuOptions* options, int mode) => Set(options, ManageCgroupsMode, mode);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_freeze_cgroup")]
    private static int SetFreezeCgroup(byte* path) => Set(Global, FreezeCgroup, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_freeze_cgroup")]
    private static int SetFreezeCgroup(CriuOptions* options, byte* path) => Set(options, FreezeCgroup, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_cg_root")]
    private static int AddCgRoot(byte* controller, byte* path) => AddPair(Global, CgRoot, controller, path, mayLackFirst: true);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_cg_root")]
    private static int AddCgRoot(CriuOptions* options, byte* controller, byte* path) => AddPair(options, CgRoot, controller, path, mayLackFirst: true);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_cg_props")]
    private static int AddCgProps(CriuOptions* options, byte* properties) => Set(options, CgroupProps, properties);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_cg_props_file")]
    private static int AddCgPropsFile(CriuOptions* options, byte* path) => Set(options, CgroupPropsFile, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_cg_dump_controller")]
    private static int AddCgDumpController(CriuOptions* options, byte* name) => Add(options, CgroupDumpController, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_cg_yard")]
    private static int AddCgYard(CriuOptions* options, byte* path) => Set(options, CgroupYard, path);
}
