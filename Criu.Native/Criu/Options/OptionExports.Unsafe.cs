using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Native;

/// <summary>
/// The functions that begin, set and end options: those with options of their own (<c>criu_local_</c>), and those of the one set that belongs to the process. All are
/// described in criu/criu.h. A function without options to work on does nothing.
/// </summary>
internal static unsafe partial class OptionExports
{
    private static CriuOptions* global;

    /// <summary>The options of the process; null before criu_init_opts.</summary>
    internal static CriuOptions* Global => global;

    [UnmanagedCallersOnly(EntryPoint = "criu_init_opts")]
    private static int Begin()
    {
        fixed (CriuOptions** place = &global)
            return BeginAt(place);
    }

    [UnmanagedCallersOnly(EntryPoint = "criu_local_init_opts")]
    private static int Begin(CriuOptions** place) => place == null ? -Errno.EINVAL : BeginAt(place);

    /// <summary>What stands there was begun before, or is null: it is ended.</summary>
    private static int BeginAt(CriuOptions** place)
    {
        var made = CriuOptions.Create();
        if (made == null)
            return -Errno.ENOMEM;
        CriuOptions.Free(*place);
        *place = made;
        return 0;
    }

    [UnmanagedCallersOnly(EntryPoint = "criu_free_opts")]
    private static void End()
    {
        CriuOptions.Free(global);
        global = null;
    }

    [UnmanagedCallersOnly(EntryPoint = "criu_local_free_opts")]
    private static void End(CriuOptions* options) => CriuOptions.Free(options);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_service_address")]
    private static int SetServiceAddress(byte* path) => CriuOptions.SetService(Global, ServiceKind.Address, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_service_address")]
    private static int SetServiceAddress(CriuOptions* options, byte* path) => CriuOptions.SetService(options, ServiceKind.Address, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_service_fd")]
    private static void SetServiceFd(int fd) => CriuOptions.SetService(Global, ServiceKind.Descriptor, null, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_service_fd")]
    private static void SetServiceFd(CriuOptions* options, int fd) => CriuOptions.SetService(options, ServiceKind.Descriptor, null, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_service_binary")]
    private static int SetServiceBinary(byte* path) => CriuOptions.SetService(Global, ServiceKind.Binary, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_service_binary")]
    private static int SetServiceBinary(CriuOptions* options, byte* path) => CriuOptions.SetService(options, ServiceKind.Binary, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_notify_cb")]
    private static void SetNotify(delegate* unmanaged<byte*, NotifyArgument*, int> callback) => SetNotifyOf(Global, callback);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_notify_cb")]
    private static void SetNotify(CriuOptions* options, delegate* unmanaged<byte*, NotifyArgument*, int> callback) => SetNotifyOf(options, callback);

    private static void SetNotifyOf(CriuOptions* options, delegate* unmanaged<byte*, NotifyArgument*, int> callback)
    {
        if (options == null)
            return;
        options->Notify = callback;
        options->Fields.TrySet(OptionField.NotifyScripts, 1);
    }
}
