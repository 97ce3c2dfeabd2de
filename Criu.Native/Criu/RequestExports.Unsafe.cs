using System.Runtime.InteropServices;

namespace Criu.Native;

/// <summary>The functions that talk to criu, described in criu/criu.h.</summary>
internal static unsafe class RequestExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_check")]
    private static int Check() => Requests.Check(OptionExports.Global);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_check")]
    private static int Check(CriuOptions* options) => Requests.Check(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_dump")]
    private static int Dump() => Requests.Dump(OptionExports.Global);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_dump")]
    private static int Dump(CriuOptions* options) => Requests.Dump(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_pre_dump")]
    private static int PreDump() => Requests.PreDump(OptionExports.Global);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_pre_dump")]
    private static int PreDump(CriuOptions* options) => Requests.PreDump(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_restore")]
    private static int Restore() => Requests.Restore(OptionExports.Global);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_restore")]
    private static int Restore(CriuOptions* options) => Requests.Restore(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_restore_child")]
    private static int RestoreChild() => Requests.RestoreChild(OptionExports.Global);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_restore_child")]
    private static int RestoreChild(CriuOptions* options) => Requests.RestoreChild(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_dump_iters")]
    private static int DumpIterations(delegate* unmanaged<void*, int> more) => Requests.DumpIterations(OptionExports.Global, more);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_dump_iters")]
    private static int DumpIterations(CriuOptions* options, delegate* unmanaged<void*, int> more) => Requests.DumpIterations(options, more);

    [UnmanagedCallersOnly(EntryPoint = "criu_get_version")]
    private static int Version() => Requests.Version(OptionExports.Global);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_get_version")]
    private static int Version(CriuOptions* options) => Requests.Version(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_check_version")]
    private static int CheckVersion(int minimum) => Requests.CheckVersion(OptionExports.Global, minimum);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_check_version")]
    private static int CheckVersion(CriuOptions* options, int minimum) => Requests.CheckVersion(options, minimum);

    [UnmanagedCallersOnly(EntryPoint = "criu_feature_check")]
    private static int CheckFeatures(CriuFeatures* features, nuint size) => Requests.CheckFeatures(OptionExports.Global, features, size);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_feature_check")]
    private static int CheckFeatures(CriuOptions* options, CriuFeatures* features, nuint size) => Requests.CheckFeatures(options, features, size);

    [UnmanagedCallersOnly(EntryPoint = "criu_get_orphan_pts_master_fd")]
    private static int OrphanTerminal() => Exchange.OrphanTerminal;
}
