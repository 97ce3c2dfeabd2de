using System.Runtime.InteropServices;
using static Criu.Native.OptionField;
using static Criu.Native.OptionSetting;

namespace Criu.Native;

// Mounts and namespaces.
internal static unsafe partial class OptionExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_set_root")]
    private static int SetRoot(byte* path) => Set(Global, Root, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_root")]
    private static int SetRoot(CriuOptions* options, byte* path) => Set(options, Root, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_auto_ext_mnt")]
    private static void SetAutoExtMnt(byte value) => Switch(Global, AutoExtMnt, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_auto_ext_mnt")]
    private static void SetAutoExtMnt(CriuOptions* options, byte value) => Switch(options, AutoExtMnt, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_ext_sharing")]
    private static void SetExtSharing(byte value) => Switch(Global, ExtSharing, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_ext_sharing")]
    private static void SetExtSharing(CriuOptions* options, byte value) => Switch(options, ExtSharing, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_ext_masters")]
    private static void SetExtMasters(byte value) => Switch(Global, ExtMasters, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_ext_masters")]
    private static void SetExtMasters(CriuOptions* options, byte value) => Switch(options, ExtMasters, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_ext_mount")]
    private static int AddExtMount(byte* key, byte* value) => AddPair(Global, ExtMnt, key, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_ext_mount")]
    private static int AddExtMount(CriuOptions* options, byte* key, byte* value) => AddPair(options, ExtMnt, key, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_enable_fs")]
    private static int AddEnableFs(byte* name) => Add(Global, EnableFs, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_enable_fs")]
    private static int AddEnableFs(CriuOptions* options, byte* name) => Add(options, EnableFs, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_skip_mnt")]
    private static int AddSkipMnt(byte* path) => Add(Global, SkipMnt, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_skip_mnt")]
    private static int AddSkipMnt(CriuOptions* options, byte* path) => Add(options, SkipMnt, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_mntns_compat_mode")]
    private static void SetMntnsCompatMode(byte value) => Switch(Global, MntnsCompatMode, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_mntns_compat_mode")]
    private static void SetMntnsCompatMode(CriuOptions* options, byte value) => Switch(options, MntnsCompatMode, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_empty_ns")]
    private static void SetEmptyNs(int namespaces) => Set(Global, EmptyNs, namespaces);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_empty_ns")]
    private static void SetEmptyNs(CriuOptions* options, int namespaces) => Set(options, EmptyNs, namespaces);

    [UnmanagedCallersOnly(EntryPoint = "criu_join_ns_add")]
    private static int JoinNsAdd(byte* kind, byte* file, byte* extra) => AddNamespace(Global, kind, file, extra);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_join_ns_add")]
    private static int JoinNsAdd(CriuOptions* options, byte* kind, byte* file, byte* extra) => AddNamespace(options, kind, file, extra);
}
