using System.Runtime.InteropServices;

namespace Criu.Native;

/// <summary>
/// The functions of libsoccr, described in soccr.h. No exception leaves them: it becomes a message and the answer for failure. Each is behind the <see cref="Gate"/>.
/// </summary>
internal static unsafe class SoccrExports
{
    private const int Failure = -1;

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_set_log")]
    private static void SetLog(uint level, delegate* unmanaged<uint, byte*, byte*, void> function)
    {
        using var gate = Gate.Enter();
        Messages.SendTo(level, function);
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_pause")]
    private static nint Pause(int fd)
    {
        using var gate = Gate.Enter();
        try
        {
            return GCHandle.ToIntPtr(GCHandle.Alloc(SocketHandle.Pause(fd)));
        }
        catch (Exception exception)
        {
            Messages.Complain($"Descriptor {fd} cannot be paused", exception);
            return 0;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_resume")]
    private static void Resume(nint sk) => End(sk, "resumed", socket => socket.Resume());

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_release")]
    private static void Release(nint sk) => End(sk, "released", socket => socket.Release());

    private static void End(nint sk, string how, Action<SocketHandle> end)
    {
        using var gate = Gate.Enter();
        if (sk == 0)
            return;
        try
        {
            end(Of(sk));
        }
        catch (Exception exception)
        {
            Messages.Complain($"A connection cannot be {how}", exception);
        }
        GCHandle.FromIntPtr(sk).Free();
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_save")]
    private static int Save(nint sk, SocketData* data, uint size)
    {
        using var gate = Gate.Enter();
        try
        {
            CheckSize(data, size);
            *data = Of(sk).Save();
            return sizeof(SocketData);
        }
        catch (Exception exception)
        {
            Messages.Complain("A connection cannot be saved", exception);
            return Failure;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_get_queue_bytes")]
    private static byte* GetQueue(nint sk, int queue, uint flags)
    {
        using var gate = Gate.Enter();
        return sk == 0 ? null : Of(sk).GetQueue(queue, flags);
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_get_addr")]
    private static byte* GetAddress(nint sk, int self, uint flags)
    {
        using var gate = Gate.Enter();
        return sk == 0 ? null : Of(sk).GetAddress(self != 0, flags);
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_set_queue_bytes")]
    private static int SetQueue(nint sk, int queue, byte* bytes, uint flags)
    {
        using var gate = Gate.Enter();
        return sk != 0 && Of(sk).TrySetQueue(queue, bytes, flags) ? 0 : Failure;
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_set_addr")]
    private static int SetAddress(nint sk, int self, byte* address, uint flags)
    {
        using var gate = Gate.Enter();
        if (sk == 0)
            return Failure;
        Of(sk).SetAddress(self != 0, address, flags);
        return 0;
    }

    [UnmanagedCallersOnly(EntryPoint = "libsoccr_restore")]
    private static int Restore(nint sk, SocketData* data, uint size)
    {
        using var gate = Gate.Enter();
        try
        {
            CheckSize(data, size);
            Of(sk).Restore(*data);
            return 0;
        }
        catch (Exception exception)
        {
            Messages.Complain("A connection cannot be restored", exception);
            return Failure;
        }
    }

    private static void CheckSize(SocketData* data, uint size)
    {
        if (data == null || size < sizeof(SocketData))
            throw new ArgumentException($"struct libsoccr_sk_data has {sizeof(SocketData)} bytes, and {(data == null ? 0 : size)} were given");
    }

    private static SocketHandle Of(nint sk) => sk != 0 ? (SocketHandle)GCHandle.FromIntPtr(sk).Target! : throw new ArgumentException("struct libsoccr_sk is NULL");
}
