using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>A descriptor of a process that is being dumped, as /proc shows it; or one that waits in a socket, of which the engine has a copy.</summary>
internal sealed class OpenFile(DumpTask task, int fd, KernelPath link, FdInfo info, Stat stat, WaitingDescriptor? waiting = null)
{
    /// <summary>Of what waits in a socket: who has that socket.</summary>
    public DumpTask Task => task;

    /// <summary>The number in the table of <see cref="Holder"/>.</summary>
    public int Fd => fd;

    /// <summary>Null for a descriptor of the process itself.</summary>
    public WaitingDescriptor? Waiting => waiting;

    /// <summary>In whose table it is: pid and /proc.</summary>
    public (int Pid, ProcDirectory Proc) Holder => waiting == null ? (task.Pid, task.Proc) : (Environment.ProcessId, waiting.OwnProc);

    /// <summary>What /proc/P/fd/N points at: a path, or a name such as <c>pipe:[12]</c>.</summary>
    public KernelPath Link => link;

    public FdInfo Info => info;
    public Stat Stat => stat;

    /// <summary>The open file description's flags, without O_CLOEXEC, which belongs to the descriptor.</summary>
    public uint Flags => (uint)(info.Flags & ~Fcntl.O_CLOEXEC);

    public uint DescriptorFlags => (info.Flags & Fcntl.O_CLOEXEC) != 0 ? (uint)Fcntl.FD_CLOEXEC : 0;

    /// <summary>False where the descriptor is gone.</summary>
    public static OpenFile? TryRead(DumpTask task, int fd, ProcText text) => TryRead(task, task.Proc, fd, text, null);

    /// <summary>What waits in a socket of that process.</summary>
    public static OpenFile? TryRead(DumpTask task, WaitingDescriptor waiting, ProcText text) => TryRead(task, waiting.OwnProc, waiting.Copy.Fd(), text, waiting);

    private static OpenFile? TryRead(DumpTask task, ProcDirectory proc, int fd, ProcText text, WaitingDescriptor? waiting)
    {
        if (!proc.TryReadLink(ProcName.Of("fd"u8, fd), out var link) || !proc.TryRead(ProcName.Of("fdinfo"u8, fd), text))
            return null;
        var info = FdInfo.Parse(text);
        return TryStat(proc.Fd, [.. System.Text.Encoding.ASCII.GetBytes($"fd/{fd}"), 0], out var stat) ? new OpenFile(task, fd, link, info, stat, waiting) : null;
    }

    public static unsafe bool TryStat(int directory, ReadOnlySpan<byte> pathZ, out Stat stat)
    {
        fixed (byte* name = pathZ)
        fixed (Stat* into = &stat)
            return !Kernel.Failed(Kernel.Call(Nr.newfstatat, directory, (long)name, (long)into, 0));
    }

    public static unsafe Stat StatOf(SafeFileHandle file)
    {
        Stat stat;
        long result = Kernel.Call(Nr.fstat, file.Fd(), (long)(&stat));
        return Kernel.Failed(result) ? throw new CheckpointException($"fstat failed: {Errno.Name(result)}") : stat;
    }

    /// <summary>The same open file description in the engine. Never read, seek or change flags through it: they are the target's too.</summary>
    public SafeFileHandle Fetch()
    {
        long copy = waiting == null ? Kernel.Call(Nr.pidfd_getfd, task.Handle.Fd(), fd) : Kernel.Call(Nr.fcntl, fd, Fcntl.F_DUPFD_CLOEXEC, 0);
        return Kernel.Failed(copy) ? throw new CheckpointException($"a copy of {this} cannot be had: {Errno.Name(copy)}") : Kernel.Own(copy);
    }

    /// <summary>Changes an option of a socket until the result is disposed, whatever happens to the engine.</summary>
    public IDisposable ChangeSocketOption(int option, int value) => task.Tracee!.ChangeSocketOption(waiting == null ? null : Environment.ProcessId, fd, option, value);

    /// <summary>AF_* of a socket; -1 for what is none.</summary>
    public int SocketDomain => domain ??= stat.Kind == Stat.S_IFSOCK ? ReadDomain() : -1;

    private int? domain;

    private unsafe int ReadDomain()
    {
        using var socket = Fetch();
        int value, length = sizeof(int);
        long result = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.DOMAIN, (long)(&value), (long)(&length));
        return Kernel.Failed(result) ? throw new CheckpointException($"the family of {this} cannot be read: {Errno.Name(result)}") : value;
    }

    /// <summary>Who gets a signal for this file, fcntl(2) F_SETOWN_EX and F_SETSIG.</summary>
    public unsafe FownEntry ReadOwner()
    {
        using var file = Fetch();
        FOwnerEx owner;
        uint* uids = stackalloc uint[2];
        long signal = Kernel.Call(Nr.fcntl, file.Fd(), Fcntl.F_GETSIG);
        if (Kernel.Failed(signal) || Kernel.Failed(Kernel.Call(Nr.fcntl, file.Fd(), Fcntl.F_GETOWN_EX, (long)(&owner))) || owner.Pid == 0)
            return new FownEntry { Uid = 0, Euid = 0, Signum = Kernel.Failed(signal) ? 0 : (uint)signal, PidType = 0, Pid = 0 };
        Kernel.Call(Nr.fcntl, file.Fd(), Fcntl.F_GETOWNER_UIDS, (long)uids);
        return new FownEntry { Uid = uids[0], Euid = uids[1], Signum = (uint)signal, PidType = (uint)owner.Type, Pid = (uint)owner.Pid };
    }

    public override string ToString() => waiting == null ? $"descriptor {fd} ({link}) of {task}" : $"{waiting} ({link}), which waits in {waiting.Socket}";
}

/// <summary>A descriptor that waits in a unix socket (SCM_RIGHTS, unix(7)): a look gave the engine a copy, and took nothing out.</summary>
/// <param name="Socket">Where it waits.</param>
/// <param name="Number">Its place among all that wait there, from 1.</param>
/// <param name="Copy">The engine's.</param>
/// <param name="OwnProc">/proc of the engine.</param>
internal sealed record WaitingDescriptor(OpenFile Socket, int Number, SafeFileHandle Copy, ProcDirectory OwnProc)
{
    public override string ToString() => $"the passed descriptor no. {Number}";
}
