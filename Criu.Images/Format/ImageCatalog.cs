using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images;

/// <summary>Every image there is: names, magics, messages and payloads.</summary>
public static class ImageCatalog
{
    /// <summary>Head magic of the images of a dump.</summary>
    public const uint CommonMagic = 0x54564319;

    /// <summary>Head magic of what CRIU keeps for itself: statistics, the inode cache.</summary>
    public const uint ServiceMagic = 0x55105940;

    /// <summary>Number that makes the file name <c>stats-dump</c> of <see cref="ImageKind.Stats"/>.</summary>
    public const ulong StatsOfDump = 0;

    /// <summary>Number that makes the file name <c>stats-restore</c> of <see cref="ImageKind.Stats"/>.</summary>
    public const ulong StatsOfRestore = 1;

    // In the order of ImageKind, which indexes it. Of two kinds with the same file name or magic the first is meant.
    private static readonly ImageFormat[] Formats =
    [
        Of<InventoryEntry>(ImageKind.Inventory, "INVENTORY", "inventory.img", 0x58313116),
        Of<FdinfoEntry>(ImageKind.Fdinfo, "FDINFO", "fdinfo-%u.img", 0x56213732),
        Of<PagemapHead, PagemapEntry>(ImageKind.Pagemap, "PAGEMAP", "pagemap-%lu.img", 0x56084025),
        Of<PagemapHead, PagemapEntry>(ImageKind.ShmemPagemap, "SHMEM_PAGEMAP", "pagemap-shmem-%lu.img", 0x56084025),
        Of<RegFileEntry>(ImageKind.RegFiles, "REG_FILES", "reg-files.img", 0x50363636),
        Of<ExtFileEntry>(ImageKind.ExtFiles, "EXT_FILES", "ext-files.img", 0x59255641),
        Of<NsFileEntry>(ImageKind.NsFiles, "NS_FILES", "ns-files.img", 0x61394011),
        Of<EventfdFileEntry>(ImageKind.EventfdFile, "EVENTFD_FILE", "eventfd.img", 0x44523722),
        Of<EventpollFileEntry>(ImageKind.EventpollFile, "EVENTPOLL_FILE", "eventpoll.img", 0x45023858),
        Of<EventpollTfdEntry>(ImageKind.EventpollTfd, "EVENTPOLL_TFD", "eventpoll-tfd.img", 0x44433746),
        Of<SignalfdEntry>(ImageKind.Signalfd, "SIGNALFD", "signalfd.img", 0x57323820),
        Of<InotifyFileEntry>(ImageKind.InotifyFile, "INOTIFY_FILE", "inotify.img", 0x48424431),
        Of<InotifyWdEntry>(ImageKind.InotifyWd, "INOTIFY_WD", "inotify-wd.img", 0x54562009),
        Of<FanotifyFileEntry>(ImageKind.FanotifyFile, "FANOTIFY_FILE", "fanotify.img", 0x55096122),
        Of<FanotifyMarkEntry>(ImageKind.FanotifyMark, "FANOTIFY_MARK", "fanotify-mark.img", 0x56506035),
        Of<CoreEntry>(ImageKind.Core, "CORE", "core-%u.img", 0x55053847),
        Of<TaskKobjIdsEntry>(ImageKind.Ids, "IDS", "ids-%u.img", 0x54432030),
        Of<MmEntry>(ImageKind.Mm, "MM", "mm-%u.img", 0x57492820),
        Of<VmaEntry>(ImageKind.Vmas, "VMAS", "vmas-%u.img", 0x54123737),
        Of<PipeEntry>(ImageKind.Pipes, "PIPES", "pipes.img", 0x56513555),
        Of<PipeDataEntry>(ImageKind.PipesData, "PIPES_DATA", "pipes-data.img", 0x56453709, ImagePayload.PipeData),
        Of<FifoEntry>(ImageKind.Fifo, "FIFO", "fifo.img", 0x58364939),
        Of<PipeDataEntry>(ImageKind.FifoData, "FIFO_DATA", "fifo-data.img", 0x59333054, ImagePayload.PipeData),
        Of<PstreeEntry>(ImageKind.Pstree, "PSTREE", "pstree.img", 0x50273030),
        Of<SaEntry>(ImageKind.Sigact, "SIGACT", "sigacts-%u.img", 0x55344201),
        Of<UnixSkEntry>(ImageKind.Unixsk, "UNIXSK", "unixsk.img", 0x54373943),
        Of<InetSkEntry>(ImageKind.Inetsk, "INETSK", "inetsk.img", 0x56443851),
        Of<PacketSockEntry>(ImageKind.Packetsk, "PACKETSK", "packetsk.img", 0x60454618),
        Of<NetlinkSkEntry>(ImageKind.NetlinkSk, "NETLINK_SK", "netlinksk.img", 0x58005614),
        Of<SkPacketEntry>(ImageKind.SkQueues, "SK_QUEUES", "sk-queues.img", 0x56264026, ImagePayload.SocketQueue),
        Of<ItimerEntry>(ImageKind.Itimers, "ITIMERS", "itimers-%u.img", 0x57464056),
        Of<PosixTimerEntry>(ImageKind.PosixTimers, "POSIX_TIMERS", "posix-timers-%u.img", 0x52603957),
        Of<CredsEntry>(ImageKind.Creds, "CREDS", "creds-%u.img", 0x54023547),
        Of<UtsnsEntry>(ImageKind.Utsns, "UTSNS", "utsns-%u.img", 0x54473203),
        Of<IpcVarEntry>(ImageKind.IpcVar, "IPC_VAR", "ipcns-var-%u.img", 0x53115007),
        Of<IpcShmEntry>(ImageKind.IpcnsShm, "IPCNS_SHM", "ipcns-shm-%u.img", 0x46283044, ImagePayload.IpcShm),
        Of<IpcMsgEntry, IpcMsg>(ImageKind.IpcnsMsg, "IPCNS_MSG", "ipcns-msg-%u.img", 0x55453737, ImagePayload.IpcMsg),
        Of<IpcSemEntry>(ImageKind.IpcnsSem, "IPCNS_SEM", "ipcns-sem-%u.img", 0x59573019, ImagePayload.IpcSem),
        Of<FsEntry>(ImageKind.Fs, "FS", "fs-%u.img", 0x51403912),
        Of<RemapFilePathEntry>(ImageKind.RemapFpath, "REMAP_FPATH", "remap-fpath.img", 0x59133954),
        Of<GhostFileEntry, GhostChunkEntry>(ImageKind.GhostFile, "GHOST_FILE", "ghost-file-%x.img", 0x52583605, ImagePayload.GhostFile),
        Of<MemfdInodeEntry>(ImageKind.MemfdInode, "MEMFD_INODE", "memfd.img", 0x48453499),
        Of<TcpStreamEntry>(ImageKind.TcpStream, "TCP_STREAM", "tcp-stream-%x.img", 0x51465506, ImagePayload.TcpStream),
        Of<MntEntry>(ImageKind.Mnts, "MNTS", "mountpoints-%u.img", 0x55563928),
        Of<NetDeviceEntry>(ImageKind.Netdev, "NETDEV", "netdev-%u.img", 0x57373951),
        Of<NetnsEntry>(ImageKind.Netns, "NETNS", "netns-%u.img", 0x55933752),
        Raw(ImageKind.Ifaddr, "IFADDR", "ifaddr-%u.img"),
        Raw(ImageKind.Route, "ROUTE", "route-%u.img"),
        Raw(ImageKind.Route6, "ROUTE6", "route6-%u.img"),
        Raw(ImageKind.Rule, "RULE", "rule-%u.img"),
        Raw(ImageKind.Iptables, "IPTABLES", "iptables-%u.img"),
        Raw(ImageKind.Ip6tables, "IP6TABLES", "ip6tables-%u.img"),
        Raw(ImageKind.Nftables, "NFTABLES", "nftables-%u.img"),
        Raw(ImageKind.TmpfsImg, "TMPFS_IMG", "tmpfs-%u.tar.gz.img"),
        Raw(ImageKind.TmpfsDev, "TMPFS_DEV", "tmpfs-dev-%u.tar.gz.img"),
        Of<AutofsEntry>(ImageKind.Autofs, "AUTOFS", "autofs-%u.img", 0x49353943),
        Of<BinfmtMiscEntry>(ImageKind.BinfmtMiscOld, "BINFMT_MISC_OLD", "binfmt-misc-%u.img", 0x67343323),
        Of<BinfmtMiscEntry>(ImageKind.BinfmtMisc, "BINFMT_MISC", "binfmt-misc.img", 0x67343323),
        Of<TtyFileEntry>(ImageKind.TtyFiles, "TTY_FILES", "tty.img", 0x59433025),
        Of<TtyInfoEntry>(ImageKind.TtyInfo, "TTY_INFO", "tty-info.img", 0x59453036),
        Of<TtyDataEntry>(ImageKind.TtyData, "TTY_DATA", "tty-data.img", 0x59413026),
        Of<FileLockEntry>(ImageKind.FileLocks, "FILE_LOCKS", "filelocks.img", 0x54323616),
        Of<RlimitEntry>(ImageKind.Rlimit, "RLIMIT", "rlimit-%u.img", 0x57113925),
        Raw(ImageKind.Pages, "PAGES", "pages-%u.img"),
        Raw(ImageKind.PagesOld, "PAGES_OLD", "pages-%d.img", 0x56084025),
        Raw(ImageKind.ShmPagesOld, "SHM_PAGES_OLD", "pages-shmem-%ld.img", 0x56084025),
        Of<SiginfoEntry>(ImageKind.Signal, "SIGNAL", "signal-s-%u.img", 0x59255647),
        Of<SiginfoEntry>(ImageKind.Psignal, "PSIGNAL", "signal-p-%u.img", 0x59255647),
        Of<TunfileEntry>(ImageKind.Tunfile, "TUNFILE", "tunfile.img", 0x57143751),
        Of<CgroupEntry>(ImageKind.Cgroup, "CGROUP", "cgroup.img", 0x59383330),
        Of<TimerfdEntry>(ImageKind.Timerfd, "TIMERFD", "timerfd.img", 0x50493712),
        Of<CpuinfoEntry>(ImageKind.Cpuinfo, "CPUINFO", "cpuinfo.img", 0x61404013),
        Of<SeccompEntry>(ImageKind.Seccomp, "SECCOMP", "seccomp.img", 0x64413049),
        Of<UsernsEntry>(ImageKind.Userns, "USERNS", "userns-%u.img", 0x55474906),
        Raw(ImageKind.NetnfCt, "NETNF_CT", "netns-ct-%u.img"),
        Raw(ImageKind.NetnfExp, "NETNF_EXP", "netns-exp-%u.img"),
        Of<FileEntry>(ImageKind.Files, "FILES", "files.img", 0x56303138),
        Of<TimensEntry>(ImageKind.Timens, "TIMENS", "timens-%u.img", 0x43114433),
        Of<PidnsEntry>(ImageKind.Pidns, "PIDNS", "pidns-%u.img", 0x61157326),
        Of<BpfmapFileEntry>(ImageKind.BpfmapFile, "BPFMAP_FILE", "bpfmap-file.img", 0x57506142),
        Of<BpfmapDataEntry>(ImageKind.BpfmapData, "BPFMAP_DATA", "bpfmap-data.img", 0x64324033, ImagePayload.BpfMapData),
        Of<ApparmorEntry>(ImageKind.Apparmor, "APPARMOR", "apparmor.img", 0x59423047),
        Of<PidfdEntry>(ImageKind.Pidfd, "PIDFD", "pidfd.img", 0x54435556),
        Of<StatsEntry>(ImageKind.Stats, "STATS", "stats-%s", 0x57093306),
        Of<IrmapCacheEntry>(ImageKind.IrmapCache, "IRMAP_CACHE", "irmap-cache", 0x57004059),
    ];

    /// <summary>All of them, in the order of <see cref="ImageKind"/>.</summary>
    public static IReadOnlyList<ImageFormat> All => Formats;

    /// <summary>The format of a kind.</summary>
    /// <param name="kind">Which kind.</param>
    public static ImageFormat Of(ImageKind kind) => Formats[(int)kind];

    /// <summary>Tells kind and number from a file name.</summary>
    /// <param name="name">File name without directory.</param>
    /// <param name="format">The format of the kind.</param>
    /// <param name="number">The number in the name, 0 where there is none.</param>
    /// <returns>False for a name that no image has.</returns>
    public static bool TryParseFileName(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ImageFormat? format, out ulong number)
    {
        foreach (ImageFormat candidate in Formats)
            if (candidate.TryParseFileName(name, out number))
                return (format = candidate) is not null;
        (format, number) = (null, 0);
        return false;
    }

    /// <summary>The kind with this magic; the first of those that share it; null where there is none.</summary>
    internal static ImageFormat? ByMagic(uint magic) => Array.Find(Formats, f => !f.IsRaw && f.Magic == magic);

    /// <summary>The kind with this name in crit's JSON; null where there is none.</summary>
    internal static ImageFormat? ByName(string name) => Array.Find(Formats, f => !f.IsRaw && f.Name == name);

    private static ImageFormat Of<T>(ImageKind kind, string name, string pattern, uint magic, ImagePayload payload = ImagePayload.None)
        where T : IMessage, new() => new(kind, name, pattern, magic, payload, Entry<T>(), null);

    private static ImageFormat Of<T, TFurther>(ImageKind kind, string name, string pattern, uint magic, ImagePayload payload = ImagePayload.None)
        where T : IMessage, new()
        where TFurther : IMessage, new() => new(kind, name, pattern, magic, payload, Entry<T>(), Entry<TFurther>());

    private static EntryType Entry<T>()
        where T : IMessage, new() => new(typeof(T), static () => new T());

    private static ImageFormat Raw(ImageKind kind, string name, string pattern, uint magic = 0) => new(kind, name, pattern, magic, ImagePayload.None, null, null);
}
