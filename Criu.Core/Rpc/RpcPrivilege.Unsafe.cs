using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// A service runs as root and is asked by anybody who can connect. Its worker becomes the user who asks, before the first message is read: paths, processes and
/// pids are then judged by the kernel, as if that user had started criu.
/// </summary>
internal static unsafe partial class RpcPrivilege
{
    private const int SO_PEERGROUPS = 59;            // asm-generic/socket.h
    private const int MaxGroups = 65536;             // NGROUPS_MAX, linux/limits.h

    /// <summary>Takes the place of the client's user, for good.</summary>
    /// <exception cref="CheckpointException">It cannot: the client must not be served.</exception>
    public static void Become(RpcPeer peer, SafeFileHandle socket)
    {
        uint own = (uint)Kernel.Call(Nr.geteuid);
        if (peer.User == own || peer.User == 0)
            return;
        if (own != 0)
            throw new CheckpointException($"This service runs as user {own} and cannot serve user {peer.User}", "Start the service as root, or one of your own") { ErrorNumber = Errno.EPERM };
        TakeGroups(socket);
        Demand(setresgid(peer.Group, peer.Group, peer.Group), "setresgid", peer);
        Demand(setresuid(peer.User, peer.User, peer.User), "setresuid", peer);
        // Bits like SECBIT_KEEP_CAPS, inherited from whoever started the service, would leave us root's capabilities under another name.
        foreach (string line in File.ReadLines("/proc/thread-self/status"))
            if (line.StartsWith("CapPrm:", StringComparison.Ordinal) && line.AsSpan(7).Trim().TrimStart('0').Length > 0)
                throw new CheckpointException($"Capabilities stay when the worker becomes user {peer.User}", "Start the service without securebits") { ErrorNumber = Errno.EPERM };
        // The change of user has made our own /proc entries root's, and the engine hands files to processes by them. What we hold is the client's own by now.
        Kernel.Call(Nr.prctl, Prctl.PR_SET_DUMPABLE, 1);
    }

    private static void TakeGroups(SafeFileHandle socket)
    {
        uint[] groups = new uint[MaxGroups];
        int size = sizeof(uint) * groups.Length;
        long told;
        fixed (uint* start = groups)
            told = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, SO_PEERGROUPS, (long)start, (long)(&size));
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
