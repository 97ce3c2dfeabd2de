using System.Runtime.InteropServices;
using static Criu.Native.OptionField;
using static Criu.Native.OptionSetting;

namespace Criu.Native;

// Pages: incremental and remote dumps.
internal static unsafe partial class OptionExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_set_track_mem")]
    private static void SetTrackMem(byte value) => Switch(Global, TrackMem, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_track_mem")]
    private static void SetTrackMem(CriuOptions* options, byte value) => Switch(options, TrackMem, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_auto_dedup")]
    private static void SetAutoDedup(byte value) => Switch(Global, AutoDedup, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_auto_dedup")]
    private static void SetAutoDedup(CriuOptions* options, byte value) => Switch(options, AutoDedup, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_page_server_address_port")]
    private static int SetPageServerAddressPort(byte* address, int port) => SetPair(Global, Ps, address, port);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_page_server_address_port")]
    private static int SetPageServerAddressPort(CriuOptions* options, byte* address, int port) => SetPair(options, Ps, address, port);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_pre_dump_mode")]
    private static int SetPreDumpMode(int mode) => SetOneOf(Global, PreDumpMode, mode, most: 2);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_pre_dump_mode")]
    private static int SetPreDumpMode(CriuOptions* options, int mode) => SetOneOf(options, PreDumpMode, mode, most: 2);
}
