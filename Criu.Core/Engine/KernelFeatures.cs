using static Criu.Core.FeatureNeed;

namespace Criu.Core;

/// <summary>The features of the kernel that are used, and those that CRIU knows by name. What <c>criu check</c> probes.</summary>
public static class KernelFeatures
{
    /// <summary>All, those that are always needed first.</summary>
    public static IReadOnlyList<KernelFeature> All { get; } = [.. Essential(), .. Occasional(), .. Unused()];

    /// <summary>The feature of a name; null where it is unknown.</summary>
    public static KernelFeature? Find(string name) => All.FirstOrDefault(feature => feature.Name == name);

    private static KernelFeature[] Essential() =>
    [
        new("process_vm_readv", Always, "read the memory of processes") { Asks = KernelProbes.ProcessVmReadv },
        new("pagemap_scan", Always, "find the pages that must be dumped") { Asks = KernelProbes.PagemapScan },
        new("map_files", Always, "open the files that are mapped, also unlinked ones") { Asks = KernelProbes.MapFiles },
        new("proc_children", Always, "find the children of a process") { Asks = KernelProbes.ProcChildren },
        new("mnt_id", Always, "tell on which mount a file was opened") { Asks = KernelProbes.MountId },
        new("kcmp", Always, "tell which descriptors and memories are shared") { Asks = KernelProbes.Kcmp },
        new("pidfd_getfd", Always, "fetch descriptors of processes") { Asks = KernelProbes.PidfdGetfd },
        new("get_rseq_conf", Always, "restore restartable sequences, which the C library registers in every thread") { Asks = KernelProbes.RseqConfiguration },
        new("get_tid_address", Always, "dump the address that is cleared when a thread ends") { Asks = KernelProbes.TidAddress },
        new("clone3_set_tid", Always, "restore processes and threads under their ids") { Asks = KernelProbes.CloneSetTid },
        new("set_mm_map", Always, "restore the layout of a process (heap, stack, arguments, executable)") { Asks = KernelProbes.SetMmMap },
        new("can_map_vdso", Always, "restore the vDSO at its place") { Asks = KernelProbes.MapVdso },
        new("memfd_exec", Always, "start the guard and the restored root, whose program lies in memory") { Asks = KernelProbes.MemfdExec },
    ];

    private static KernelFeature[] Occasional() =>
    [
        new("proc_timers", Sometimes, "dump POSIX timers") { Asks = KernelProbes.ProcTimers },
        new("timer_cr_ids", Sometimes, "restore POSIX timers under their ids at once, rather than by making and deleting all before them") { Asks = KernelProbes.TimerIds },
        new("timerfd", Sometimes, "restore expirations of a timerfd that nobody has read") { Asks = KernelProbes.TimerFdTicks },
        new("sk_unix_file", Sometimes, "find the file of a unix socket that was bound to a relative path") { Asks = KernelProbes.UnixSocketFile },
        new("membarrier", Sometimes, "dump registrations for membarrier(2)") { Asks = KernelProbes.MembarrierRegistrations },
    ];

    private static KernelFeature[] Unused() => Array.ConvertAll<string, KernelFeature>(
    [
        "aio_remap", "apparmor_stacking", "autofs", "cgroupns", "compat_cr", "external_net_ns", "fdinfo_lock", "has_ipt_legacy", "kcmp_epoll", "link_nsid", "loginuid",
        "mem_dirty_track", "memfd_hugetlb", "move_mount_set_group", "net_diag_raw", "network_lock_nftables", "newifindex", "nftables", "ns_pid", "nsid", "openat2",
        "pidfd_store", "seccomp_filters", "seccomp_suspend", "sk_ns", "sockopt_buf_lock", "tcp_half_closed", "timens", "tun", "tun_ns",
        "uffd", "uffd-noncoop", "userns",
    ], name => new KernelFeature(name, NotYet, "dump or restore objects that are refused by name"));
}
