using Linux.Abi;

namespace Criu.Core;

/// <summary>
/// Asks the kernel for one feature each, by a call that changes nothing: a query, an object that is closed at once, or a request that must fail in a way
/// which only a kernel with the feature has.
/// </summary>
internal static unsafe class KernelProbes
{
    private const int PR_SET_MM_MAP_SIZE = 15, PR_TIMER_CREATE_RESTORE_IDS_GET = 2;
    private const string CheckpointRestore = "Use a kernel built with CONFIG_CHECKPOINT_RESTORE";
    private const string Privilege = "Run as root, or with CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE";

    private static int Self => Environment.ProcessId;

    public static FeatureReport ProcessVmReadv()
    {
        long from = 42, to = 0;
        long* source = stackalloc long[] { (long)&from, sizeof(long) };
        long* target = stackalloc long[] { (long)&to, sizeof(long) };
        return Verdict(Kernel.Call(Nr.process_vm_readv, Self, (long)target, 1, (long)source, 1, 0), "Use a kernel built with CONFIG_CROSS_MEMORY_ATTACH");
    }

    public static FeatureReport PagemapScan()
    {
        long fd = Kernel.Open("/proc/self/pagemap", Fcntl.O_RDONLY);
        if (Kernel.Failed(fd))
            return Verdict(fd, "Use a kernel built with CONFIG_PROC_PAGE_MONITOR");
        using var pagemap = Kernel.Own(fd);
        PageRegion region;
        ulong page = (ulong)&region & ~0xffful;
        var scan = new PagemapScanArgs
        {
            Size = (ulong)sizeof(PagemapScanArgs), Start = page, End = page + 0x1000, Vector = (ulong)&region, VectorLength = 1,
            CategoryAnyOf = Linux.Abi.PagemapScan.PRESENT, ReturnMask = Linux.Abi.PagemapScan.PRESENT,
        };
        return Verdict(Kernel.Call(Nr.ioctl, fd, Linux.Abi.PagemapScan.Request, (long)&scan), "Use Linux 6.7 or later");
    }

    /// <summary>Following a link in map_files is for the privileged; that the directory is there says little.</summary>
    public static FeatureReport MapFiles()
    {
        foreach (string name in Directory.Exists("/proc/self/map_files") ? Directory.EnumerateFiles("/proc/self/map_files") : [])
            return Closed(Kernel.Open(name, Fcntl.O_PATH), Privilege);
        return new FeatureReport(false, "/proc/self/map_files is missing or empty", CheckpointRestore);
    }

    public static FeatureReport ProcChildren() =>
        Closed(Kernel.Open($"/proc/self/task/{Self}/children", Fcntl.O_RDONLY), "Use a kernel built with CONFIG_PROC_CHILDREN");

    public static FeatureReport ProcTimers() => Closed(Kernel.Open("/proc/self/timers", Fcntl.O_RDONLY), CheckpointRestore);

    public static FeatureReport MountId()
    {
        long fd = Kernel.Open("/proc/self/pagemap", Fcntl.O_RDONLY);
        if (Kernel.Failed(fd))
            return Verdict(fd, "Mount /proc");
        using var file = Kernel.Own(fd);
        bool told = File.ReadAllText($"/proc/self/fdinfo/{fd}").Contains("mnt_id:", StringComparison.Ordinal);
        return told ? new FeatureReport(true) : new FeatureReport(false, "/proc/self/fdinfo tells no mnt_id", "Use Linux 3.15 or later");
    }

    public static FeatureReport Kcmp() => Verdict(Kernel.Call(Nr.kcmp, Self, Self, Linux.Abi.Kcmp.VM), "Use a kernel built with CONFIG_KCMP");

    public static FeatureReport PidfdGetfd()
    {
        long fd = Kernel.Call(Nr.pidfd_open, Self);
        if (Kernel.Failed(fd))
            return Verdict(fd, "Use Linux 5.6 or later");
        using var self = Kernel.Own(fd);
        return Closed(Kernel.Call(Nr.pidfd_getfd, fd, fd), "Use Linux 5.6 or later");
    }

    /// <summary>
    /// PTRACE_GET_RSEQ_CONFIGURATION (5.13) answers ESRCH without a tracee whether it exists or not. Asked instead: whether rseq is built in (a structure of
    /// no size is EINVAL, never ENOSYS), and how old the kernel is.
    /// </summary>
    public static FeatureReport RseqConfiguration()
    {
        if (Kernel.Call(Nr.rseq) == -Errno.ENOSYS)
            return new FeatureReport(false, "ENOSYS", "Use a kernel built with CONFIG_RSEQ");
        var version = Environment.OSVersion.Version;
        return version >= new Version(5, 13) ? new FeatureReport(true) : new FeatureReport(false, $"this is Linux {version.ToString(2)}", "Use Linux 5.13 or later");
    }

    public static FeatureReport TidAddress()
    {
        long address;
        return Verdict(Kernel.Call(Nr.prctl, Prctl.PR_GET_TID_ADDRESS, (long)&address), CheckpointRestore);
    }

    /// <summary>
    /// Asks for a child under a pid that is taken: our own. The kernel looks at the privilege first (EPERM), then at the pid (EEXIST); one that is too old
    /// knows no such field (E2BIG).
    /// </summary>
    public static FeatureReport CloneSetTid()
    {
        int taken = Self;
        var args = new CloneArgs { SetTid = (ulong)&taken, SetTidSize = 1 };
        long result = Kernel.Call(Nr.clone3, (long)&args, CloneArgs.Size);
        if (result == 0)
            Kernel.Call(Nr.exit_group, 1);          // cannot be: a copy of us under our own pid
        return result == -Errno.EEXIST ? new FeatureReport(true) : Verdict(result, result == -Errno.EPERM ? Privilege : "Use Linux 5.5 or later");
    }

    public static FeatureReport SetMmMap()
    {
        uint size = 0;
        long result = Kernel.Call(Nr.prctl, Prctl.PR_SET_MM, PR_SET_MM_MAP_SIZE, (long)&size);
        return result == 0 && size != MmMap.Size ? new FeatureReport(false, $"struct prctl_mm_map has {size} bytes here") : Verdict(result, CheckpointRestore);
    }

    /// <summary>A second vDSO is refused (EEXIST) by a kernel that could map a first one.</summary>
    public static FeatureReport MapVdso()
    {
        long result = Kernel.Call(Nr.arch_prctl, Prctl.ARCH_MAP_VDSO_64, 0);
        return result == -Errno.EEXIST ? new FeatureReport(true) : Verdict(result, CheckpointRestore);
    }

    public static FeatureReport MemfdExec()
    {
        fixed (byte* name = "probe"u8)
        {
            long fd = Kernel.Call(Nr.memfd_create, (long)name, Fcntl.MFD_CLOEXEC | Fcntl.MFD_EXEC);
            if (fd == -Errno.EINVAL)                 // before 6.3 every memfd can be executed
                fd = Kernel.Call(Nr.memfd_create, (long)name, Fcntl.MFD_CLOEXEC);
            return Closed(fd, fd == -Errno.EACCES ? "Set the sysctl vm.memfd_noexec to 0 or 1" : "Use a kernel built with CONFIG_MEMFD_CREATE");
        }
    }

    public static FeatureReport TimerIds() =>
        Verdict(Kernel.Call(Nr.prctl, Prctl.PR_TIMER_CREATE_RESTORE_IDS, PR_TIMER_CREATE_RESTORE_IDS_GET), "Use Linux 6.16 or later");

    /// <summary>No expirations at all cannot be set: EINVAL, where the call exists.</summary>
    public static FeatureReport TimerFdTicks()
    {
        long none = 0, fd = Kernel.Call(Nr.timerfd_create, 1, Fcntl.O_CLOEXEC);
        if (Kernel.Failed(fd))
            return Verdict(fd, CheckpointRestore);
        using var timer = Kernel.Own(fd);
        long result = Kernel.Call(Nr.ioctl, fd, TimerFds.IOC_SET_TICKS, (long)(&none));
        return result == -Errno.EINVAL ? new FeatureReport(true) : Verdict(result, CheckpointRestore);
    }

    /// <summary>A socket without a name has no file: ENOENT, where the call exists.</summary>
    public static FeatureReport UnixSocketFile()
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_UNIX, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, 0);
        if (Kernel.Failed(fd))
            return Verdict(fd, "Use a kernel built with CONFIG_UNIX");
        using var socket = Kernel.Own(fd);
        long result = Kernel.Call(Nr.ioctl, fd, Sockets.SIOCUNIXFILE);
        return result == -Errno.ENOENT ? new FeatureReport(true) : Verdict(result, result == -Errno.EPERM ? "Run with CAP_NET_ADMIN" : "Use Linux 4.20 or later");
    }

    public static FeatureReport MembarrierRegistrations() => Verdict(Kernel.Call(Nr.membarrier, Membarrier.GET_REGISTRATIONS), "Use Linux 6.3 or later");

    private static FeatureReport Verdict(long result, string advice) =>
        Kernel.Failed(result) ? new FeatureReport(false, Errno.Name(result), advice) : new FeatureReport(true);

    /// <summary>The same for a call that answers a descriptor.</summary>
    private static FeatureReport Closed(long fd, string advice)
    {
        if (!Kernel.Failed(fd))
            Kernel.Own(fd).Dispose();
        return Verdict(fd, advice);
    }
}
