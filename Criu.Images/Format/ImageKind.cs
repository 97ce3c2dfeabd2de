namespace Criu.Images;

/// <summary>Every kind of image there is. The names are CRIU's; "old" ones are read only.</summary>
public enum ImageKind
{
    /// <summary><c>inventory.img</c>.</summary>
    Inventory,

    /// <summary><c>fdinfo-%u.img</c>, by ids.files_id.</summary>
    Fdinfo,

    /// <summary><c>pagemap-%lu.img</c>, by pid.</summary>
    Pagemap,

    /// <summary><c>pagemap-shmem-%lu.img</c>, by shmid: vma_entry.shmid, memfd_inode_entry.shmid, or System V id.</summary>
    ShmemPagemap,

    /// <summary><c>reg-files.img</c>; old.</summary>
    RegFiles,

    /// <summary><c>ext-files.img</c>; old.</summary>
    ExtFiles,

    /// <summary><c>ns-files.img</c>; old.</summary>
    NsFiles,

    /// <summary><c>eventfd.img</c>; old.</summary>
    EventfdFile,

    /// <summary><c>eventpoll.img</c>; old.</summary>
    EventpollFile,

    /// <summary><c>eventpoll-tfd.img</c>; old.</summary>
    EventpollTfd,

    /// <summary><c>signalfd.img</c>; old.</summary>
    Signalfd,

    /// <summary><c>inotify.img</c>; old.</summary>
    InotifyFile,

    /// <summary><c>inotify-wd.img</c>; old.</summary>
    InotifyWd,

    /// <summary><c>fanotify.img</c>; old.</summary>
    FanotifyFile,

    /// <summary><c>fanotify-mark.img</c>; old.</summary>
    FanotifyMark,

    /// <summary><c>core-%u.img</c>, by pid; tid of each further thread.</summary>
    Core,

    /// <summary><c>ids-%u.img</c>, by pid.</summary>
    Ids,

    /// <summary><c>mm-%u.img</c>, by pid.</summary>
    Mm,

    /// <summary><c>vmas-%u.img</c>, by pid; old.</summary>
    Vmas,

    /// <summary><c>pipes.img</c>; old.</summary>
    Pipes,

    /// <summary><c>pipes-data.img</c>.</summary>
    PipesData,

    /// <summary><c>fifo.img</c>; old.</summary>
    Fifo,

    /// <summary><c>fifo-data.img</c>.</summary>
    FifoData,

    /// <summary><c>pstree.img</c>.</summary>
    Pstree,

    /// <summary><c>sigacts-%u.img</c>, by pid; old.</summary>
    Sigact,

    /// <summary><c>unixsk.img</c>; old.</summary>
    Unixsk,

    /// <summary><c>inetsk.img</c>; old.</summary>
    Inetsk,

    /// <summary><c>packetsk.img</c>; old.</summary>
    Packetsk,

    /// <summary><c>netlinksk.img</c>; old.</summary>
    NetlinkSk,

    /// <summary><c>sk-queues.img</c>.</summary>
    SkQueues,

    /// <summary><c>itimers-%u.img</c>, by pid; old.</summary>
    Itimers,

    /// <summary><c>posix-timers-%u.img</c>, by pid; old.</summary>
    PosixTimers,

    /// <summary><c>creds-%u.img</c>, by pid; old.</summary>
    Creds,

    /// <summary><c>utsns-%u.img</c>, by ids.uts_ns_id.</summary>
    Utsns,

    /// <summary><c>ipcns-var-%u.img</c>, by ids.ipc_ns_id.</summary>
    IpcVar,

    /// <summary><c>ipcns-shm-%u.img</c>, by ids.ipc_ns_id.</summary>
    IpcnsShm,

    /// <summary><c>ipcns-msg-%u.img</c>, by ids.ipc_ns_id.</summary>
    IpcnsMsg,

    /// <summary><c>ipcns-sem-%u.img</c>, by ids.ipc_ns_id.</summary>
    IpcnsSem,

    /// <summary><c>fs-%u.img</c>, by pid.</summary>
    Fs,

    /// <summary><c>remap-fpath.img</c>.</summary>
    RemapFpath,

    /// <summary><c>ghost-file-%x.img</c>, by remap_file_path_entry.remap_id, hex.</summary>
    GhostFile,

    /// <summary><c>memfd.img</c>.</summary>
    MemfdInode,

    /// <summary><c>tcp-stream-%x.img</c>, by inet_sk_entry.ino, hex.</summary>
    TcpStream,

    /// <summary><c>mountpoints-%u.img</c>, by ids.mnt_ns_id.</summary>
    Mnts,

    /// <summary><c>netdev-%u.img</c>, by ids.net_ns_id.</summary>
    Netdev,

    /// <summary><c>netns-%u.img</c>, by ids.net_ns_id.</summary>
    Netns,

    /// <summary><c>ifaddr-%u.img</c>, by ids.net_ns_id.</summary>
    Ifaddr,

    /// <summary><c>route-%u.img</c>, by ids.net_ns_id.</summary>
    Route,

    /// <summary><c>route6-%u.img</c>, by ids.net_ns_id.</summary>
    Route6,

    /// <summary><c>rule-%u.img</c>, by ids.net_ns_id.</summary>
    Rule,

    /// <summary><c>iptables-%u.img</c>, by ids.net_ns_id.</summary>
    Iptables,

    /// <summary><c>ip6tables-%u.img</c>, by ids.net_ns_id.</summary>
    Ip6tables,

    /// <summary><c>nftables-%u.img</c>, by ids.net_ns_id.</summary>
    Nftables,

    /// <summary><c>tmpfs-%u.tar.gz.img</c>, by mnt_id; old.</summary>
    TmpfsImg,

    /// <summary><c>tmpfs-dev-%u.tar.gz.img</c>, by mnt_entry.root_dev (major shifted left by 20, or minor).</summary>
    TmpfsDev,

    /// <summary><c>autofs-%u.img</c>, by mnt_entry.root_dev.</summary>
    Autofs,

    /// <summary><c>binfmt-misc-%u.img</c>, by mnt_entry.root_dev; old.</summary>
    BinfmtMiscOld,

    /// <summary><c>binfmt-misc.img</c>.</summary>
    BinfmtMisc,

    /// <summary><c>tty.img</c>; old.</summary>
    TtyFiles,

    /// <summary><c>tty-info.img</c>.</summary>
    TtyInfo,

    /// <summary><c>tty-data.img</c>.</summary>
    TtyData,

    /// <summary><c>filelocks.img</c>.</summary>
    FileLocks,

    /// <summary><c>rlimit-%u.img</c>, by pid; old.</summary>
    Rlimit,

    /// <summary><c>pages-%u.img</c>, by pagemap_head.pages_id.</summary>
    Pages,

    /// <summary><c>pages-%d.img</c>, by pid; old.</summary>
    PagesOld,

    /// <summary><c>pages-shmem-%ld.img</c>, by shmid; old.</summary>
    ShmPagesOld,

    /// <summary><c>signal-s-%u.img</c>, by pid; old.</summary>
    Signal,

    /// <summary><c>signal-p-%u.img</c>, by tid; old.</summary>
    Psignal,

    /// <summary><c>tunfile.img</c>; old.</summary>
    Tunfile,

    /// <summary><c>cgroup.img</c>.</summary>
    Cgroup,

    /// <summary><c>timerfd.img</c>; old.</summary>
    Timerfd,

    /// <summary><c>cpuinfo.img</c>.</summary>
    Cpuinfo,

    /// <summary><c>seccomp.img</c>.</summary>
    Seccomp,

    /// <summary><c>userns-%u.img</c>, by ids.user_ns_id.</summary>
    Userns,

    /// <summary><c>netns-ct-%u.img</c>, by ids.net_ns_id.</summary>
    NetnfCt,

    /// <summary><c>netns-exp-%u.img</c>, by ids.net_ns_id.</summary>
    NetnfExp,

    /// <summary><c>files.img</c>.</summary>
    Files,

    /// <summary><c>timens-%u.img</c>, by ids.time_ns_id, 0 if no time namespace is dumped.</summary>
    Timens,

    /// <summary><c>pidns-%u.img</c>, by ids.pid_ns_id.</summary>
    Pidns,

    /// <summary><c>bpfmap-file.img</c>.</summary>
    BpfmapFile,

    /// <summary><c>bpfmap-data.img</c>.</summary>
    BpfmapData,

    /// <summary><c>apparmor.img</c>.</summary>
    Apparmor,

    /// <summary><c>pidfd.img</c>.</summary>
    Pidfd,

    /// <summary><c>stats-dump</c> (number 0), <c>stats-restore</c> (number 1).</summary>
    Stats,

    /// <summary><c>irmap-cache</c>.</summary>
    IrmapCache,
}
