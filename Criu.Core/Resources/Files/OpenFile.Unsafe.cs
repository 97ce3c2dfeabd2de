using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>A descriptor of a process that is being dumped, as /proc shows it.</summary>
internal sealed class OpenFile(DumpTask task, int fd, KernelPath link, FdInfo info, Stat stat)
{
    public DumpTask Task => task;
    public int Fd => fd;

    /// <summary>What /proc/P/fd/N points at: a path, or a name such as <c>pipe:[12]</c>.</summary>
    public KernelPath Link => link;

    public FdInfo Info => info;
    public Stat Stat => stat;

    /// <summary>The open file description's flags, without O_CLOEXEC, which belongs to the descriptor.</summary>
    public uint Flags => (uint)(info.Flags & ~Fcntl.O_CLOEXEC);

    public uint DescriptorFlags => (info.Flags & Fcntl.O_CLOEXEC) != 0 ? (uint)Fcntl.FD_CLOEXEC : 0;

    /// <summary>False where the descriptor is gone.</summary>
    public static OpenFile? TryRead(DumpTask task, int fd, ProcText text)
    {
        if (!task.Proc.TryReadLink(ProcName.Of("fd"u8, fd), out var link) || !task.Proc.TryRead(ProcName.Of("fdinfo"u8, fd), text))
            return null;
        var info = FdInfo.Parse(text);
        return TryStat(task.Proc.Fd, [.. System.Text.Encoding.ASCII.GetBytes($"fd/{fd}"), 0], out var stat) ? new OpenFile(task, fd, link, info, stat) : null;
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
        long copy = Kernel.Call(Nr.pidfd_getfd, task.Handle.Fd(), fd);
        return Kernel.Failed(copy) ? throw new CheckpointException($"pidfd_getfd of {this} failed: {Errno.Name(copy)}") : Kernel.Own(copy);
    }

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

    public override string ToString() => $"descriptor {fd} ({link}) of {task}";
}
