using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// A service runs as root and is asked by anybody who can connect. Its worker becomes the user who asks, before the first message is read: paths, processes and
/// pids are then judged by the kernel, as if that user had started criu. What is left to it is CAP_CHECKPOINT_RESTORE, without which nothing can have its old pid again: until the request is
/// known, and longer only for a restore, whose processes are not given it.
/// </summary>
internal static unsafe partial class RpcPrivilege
{
    private const int MaxGroups = 65536;             // NGROUPS_MAX, linux/limits.h

    /// <summary>Takes the place of the client's user, for good. Answers whether that is another than ours.</summary>
    /// <exception cref="CheckpointException">It cannot: the client must not be served.</exception>
    public static bool Become(RpcPeer peer, SafeFileHandle socket)
    {
        uint own = (uint)Kernel.Call(Nr.geteuid);
        if (peer.User == own || peer.User == 0)
            return false;
        if (own != 0)
            throw new CheckpointException($"This service runs as user {own} and cannot serve user {peer.User}", "Start the service as root, or one of your own") { ErrorNumber = Errno.EPERM };
        TakeGroups(socket);
        Kernel.Call(Nr.prctl, Prctl.PR_SET_KEEPCAPS, 1);
        Demand(setresgid(peer.Group, peer.Group, peer.Group), "setresgid", peer);
        Demand(setresuid(peer.User, peer.User, peer.User), "setresuid", peer);
        ulong kept = Permitted("/proc/thread-self/status") & 1ul << Capability.CHECKPOINT_RESTORE;
        SetCapabilities(kept);
        DemandNoneBut(kept, peer);
        // The change of user has made our own /proc entries root's, and the engine hands files to processes by them. What we hold is the client's own by now.
        Kernel.Call(Nr.prctl, Prctl.PR_SET_DUMPABLE, 1);
        return true;
    }

    /// <summary>Gives up the one capability that was left: the request needs none.</summary>
    public static void GiveUp() => SetCapabilities(0);

    /// <summary>Of this thread, and of the programs that it starts.</summary>
    private static void SetCapabilities(ulong mask)
    {
        var header = new CapabilityHeader { Version = Capability.Version3 };
        uint low = (uint)mask, high = (uint)(mask >> 32);
        var data = new CapabilityData { Effective0 = low, Permitted0 = low, Inheritable0 = low, Effective1 = high, Permitted1 = high, Inheritable1 = high };
        Kernel.Call(Nr.prctl, Prctl.PR_CAP_AMBIENT, Prctl.PR_CAP_AMBIENT_CLEAR_ALL);
        long result = Kernel.Call(Nr.capset, (long)(&header), (long)(&data));
        if (Kernel.Failed(result))
            throw new CheckpointException($"The worker cannot give up its capabilities: {Errno.Name(result)}") { ErrorNumber = Errno.EPERM };
        if (mask != 0)
            Kernel.Call(Nr.prctl, Prctl.PR_CAP_AMBIENT, Prctl.PR_CAP_AMBIENT_RAISE, Capability.CHECKPOINT_RESTORE);
    }

    /// <summary>Bits like SECBIT_KEEP_CAPS, inherited from whoever started the service, would leave a thread of the runtime root's capabilities under another name.</summary>
    private static void DemandNoneBut(ulong kept, RpcPeer peer)
    {
        foreach (string thread in Directory.GetDirectories("/proc/self/task"))
            if ((Permitted(Path.Combine(thread, "status")) & ~kept) != 0)
                throw new CheckpointException($"Capabilities stay when the worker becomes user {peer.User}", "Start the service without securebits") { ErrorNumber = Errno.EPERM };
    }

    private static ulong Permitted(string status)
    {
        foreach (string line in File.ReadLines(status))
            if (line.StartsWith("CapPrm:", StringComparison.Ordinal))
                return ulong.Parse(line.AsSpan(7).Trim(), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        throw new CheckpointException($"{status} does not tell the capabilities", "Mount /proc");
    }

    private static void TakeGroups(SafeFileHandle socket)
    {
        uint[] groups = new uint[MaxGroups];
        int size = sizeof(uint) * groups.Length;
        long told;
        fixed (uint* start = groups)
            told = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.PEERGROUPS, (long)start, (long)(&size));
        int count = Kernel.Failed(told) ? 0 : size / sizeof(uint);      // before 4.13 nobody tells: none
        fixed (uint* start = groups)
            if (setgroups((nuint)count, start) != 0)
                throw new CheckpointException($"The worker cannot take the {count} groups of its client: {Errno.Name(Marshal.GetLastPInvokeError())}") { ErrorNumber = Errno.EPERM };
    }

    private static void Demand(int result, string call, RpcPeer peer)
    {
        if (result != 0)
            throw new CheckpointException($"The worker cannot become user {peer.User}: {call} failed with {Errno.Name(Marshal.GetLastPInvokeError())}") { ErrorNumber = Errno.EPERM };
    }

    // The calls of the C library, not of the kernel: these change every thread of the runtime, and the kernel's only the one that calls.
    [LibraryImport("libc", SetLastError = true)]
    private static partial int setgroups(nuint count, uint* groups);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setresgid(uint real, uint effective, uint saved);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setresuid(uint real, uint effective, uint saved);
}
