using System.Reflection;
using System.Runtime.InteropServices;

namespace Linux.Abi.Tests;

/// <summary>Size of every structure, offset and size of every field, against the C headers.</summary>
public sealed class StructureTests
{
    /// <summary>Structure, its name in C, its headers, and its fields in our order; - where C has none (padding).</summary>
    private static readonly (Type Type, string Name, string Headers, string Fields)[] Structures =
    [
        (typeof(FOwnerEx), "struct f_owner_ex", "asm/fcntl.h", "type pid"),
        (typeof(PagemapScanArgs), "struct pm_scan_arg", "linux/fs.h",
            "size flags start end walk_end vec vec_len max_pages category_inverted category_mask category_anyof_mask return_mask"),
        (typeof(PageRegion), "struct page_region", "linux/fs.h", "start end categories"),
        (typeof(Stat), "struct stat", "asm/stat.h",
            "st_dev st_ino st_nlink st_mode st_uid st_gid __pad0 st_rdev st_size st_blksize st_blocks st_atime st_atime_nsec st_mtime st_mtime_nsec st_ctime st_ctime_nsec "
            + "__unused[0] __unused[1] __unused[2]"),
        (typeof(IoVector), "struct iovec", "linux/uio.h", "iov_base iov_len"),
        (typeof(MmMap), "struct prctl_mm_map", "linux/prctl.h",
            "start_code end_code start_data end_data start_brk brk start_stack arg_start arg_end env_start env_end auxv auxv_size exe_fd"),
        (typeof(CapabilityHeader), "struct __user_cap_header_struct", "linux/capability.h", "version pid"),
        (typeof(CapabilityData), "struct { struct __user_cap_data_struct d[2]; }", "linux/capability.h",
            "d[0].effective d[0].permitted d[0].inheritable d[1].effective d[1].permitted d[1].inheritable"),
        (typeof(RseqConfiguration), "struct ptrace_rseq_configuration", "linux/types.h linux/ptrace.h", "rseq_abi_pointer rseq_abi_size signature flags pad"),
        (typeof(PeekSiginfoArgs), "struct ptrace_peeksiginfo_args", "linux/types.h linux/ptrace.h", "off flags nr"),
        (typeof(CloneArgs), "struct clone_args", "linux/types.h linux/sched.h", "flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size"),
        (typeof(KcmpEpollSlot), "struct kcmp_epoll_slot", "linux/types.h linux/kcmp.h", "efd tfd toff"),
        (typeof(KernelSigaction), "struct sigaction", "asm/signal.h", "sa_handler sa_flags sa_restorer sa_mask"),
        (typeof(SignalStack), "stack_t", "asm/signal.h", "ss_sp ss_flags - ss_size"),
        (typeof(IntervalTimer), "struct { struct timeval i, v; }", "linux/time.h", "i.tv_sec i.tv_usec v.tv_sec v.tv_usec"),
        (typeof(IntervalTimerSpec), "struct itimerspec", "linux/time.h", "it_interval.tv_sec it_interval.tv_nsec it_value.tv_sec it_value.tv_nsec"),
        (typeof(MessageHeader), "struct msghdr", "sys/socket.h", "msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags"),
        (typeof(ControlHeader), "struct cmsghdr", "sys/socket.h", "cmsg_len cmsg_level cmsg_type"),
        (typeof(PeerCredentials), "struct ucred", "sys/socket.h", "pid uid gid"),
        (typeof(PollEntry), "struct pollfd", "asm/poll.h", "fd events revents"),
        (typeof(Linger), "struct linger", "sys/socket.h", "l_onoff l_linger"),
        (typeof(FilterInstruction), "struct sock_filter", "linux/types.h linux/filter.h", "code jt jf k"),
        (typeof(NetlinkAddress), "struct sockaddr_nl", "linux/netlink.h", "nl_family nl_pad nl_pid nl_groups"),
        (typeof(NetlinkHeader), "struct nlmsghdr", "linux/netlink.h", "nlmsg_len nlmsg_type nlmsg_flags nlmsg_seq nlmsg_pid"),
        (typeof(UnixDiagRequest), "struct unix_diag_req", "linux/types.h linux/unix_diag.h", "sdiag_family sdiag_protocol pad udiag_states udiag_ino udiag_show udiag_cookie[0] udiag_cookie[1]"),
        (typeof(UnixDiagMessage), "struct unix_diag_msg", "linux/types.h linux/unix_diag.h", "udiag_family udiag_type udiag_state pad udiag_ino udiag_cookie[0] udiag_cookie[1]"),
        (typeof(InetDiagRequest), "struct inet_diag_req_v2", "linux/types.h linux/inet_diag.h",
            "sdiag_family sdiag_protocol idiag_ext pad idiag_states id.idiag_sport id.idiag_dport id.idiag_src id.idiag_dst id.idiag_if id.idiag_cookie[0] id.idiag_cookie[1]"),
        (typeof(InetDiagMessage), "struct inet_diag_msg", "linux/types.h linux/inet_diag.h",
            "idiag_family idiag_state idiag_timer idiag_retrans id.idiag_sport id.idiag_dport id.idiag_src id.idiag_dst id.idiag_if id.idiag_cookie[0] id.idiag_cookie[1] "
            + "idiag_expires idiag_rqueue idiag_wqueue idiag_uid idiag_inode"),
        (typeof(TcpMd5Signature), "struct tcp_md5sig", "linux/tcp.h", "tcpm_addr tcpm_flags tcpm_prefixlen tcpm_keylen tcpm_ifindex tcpm_key"),
        (typeof(TcpDiagMd5), "struct tcp_diag_md5sig", "linux/tcp.h", "tcpm_family tcpm_prefixlen tcpm_keylen tcpm_addr tcpm_key"),
        (typeof(ResourceLimit), "struct rlimit64", "linux/types.h linux/resource.h", "rlim_cur rlim_max"),
        (typeof(NetlinkAttribute), "struct nlattr", "linux/netlink.h", "nla_len nla_type"),
        (typeof(NetlinkError), "struct nlmsgerr", "linux/netlink.h", "error msg"),
        (typeof(NetfilterHeader), "struct nfgenmsg", "linux/netfilter/nfnetlink.h", "nfgen_family version res_id"),
        (typeof(FilterProgram), "struct sock_fprog", "linux/filter.h", "len filter"),
        (typeof(TcpRepairOption), "struct tcp_repair_opt", "linux/tcp.h", "opt_code opt_val"),
        (typeof(TcpRepairWindow), "struct tcp_repair_window", "linux/tcp.h", "snd_wl1 snd_wnd max_window rcv_wnd rcv_wup"),
        (typeof(SockaddrIn), "struct sockaddr_in", "netinet/in.h", "sin_family sin_port sin_addr sin_zero"),
        (typeof(SockaddrIn6), "struct sockaddr_in6", "netinet/in.h", "sin6_family sin6_port sin6_flowinfo sin6_addr sin6_scope_id"),
        (typeof(TerminalSettings), "struct termios2", "asm/termbits.h", "c_iflag c_oflag c_cflag c_lflag c_line c_cc c_ispeed c_ospeed"),
        (typeof(WindowSize), "struct winsize", "asm/termios.h", "ws_row ws_col ws_xpixel ws_ypixel"),
        (typeof(SignalEvent), "struct sigevent", "asm/signal.h asm/siginfo.h", "sigev_value sigev_signo sigev_notify _sigev_un._tid"),
        (typeof(BpfProgramLoad), "union bpf_attr", "linux/bpf.h",
            "prog_type insn_cnt insns license log_level log_size log_buf kern_version prog_flags prog_name prog_ifindex expected_attach_type prog_btf_fd func_info_rec_size func_info func_info_cnt " +
            "line_info_rec_size line_info line_info_cnt attach_btf_id attach_prog_fd -"),
        (typeof(BpfLinkCreate), "union bpf_attr", "linux/bpf.h", "link_create.prog_fd link_create.target_fd link_create.attach_type link_create.flags link_create.iter_info link_create.iter_info_len -"),
        (typeof(BpfIteratorTask), "union bpf_iter_link_info", "linux/bpf.h", "task.tid task.pid task.pid_fd -"),
        (typeof(BpfIteratorCreate), "union bpf_attr", "linux/bpf.h", "iter_create.link_fd iter_create.flags"),
    ];

    /// <summary>Sizes that are written down beside a structure, for calls that want them.</summary>
    private static readonly Dictionary<Type, long> WrittenSizes = new()
    {
        [typeof(MmMap)] = MmMap.Size, [typeof(CloneArgs)] = CloneArgs.Size, [typeof(KernelSigaction)] = KernelSigaction.Size,
        [typeof(NetlinkHeader)] = NetlinkHeader.Size, [typeof(UnixDiagMessage)] = UnixDiagMessage.Size, [typeof(ControlHeader)] = ControlHeader.Size,
        [typeof(InetDiagMessage)] = InetDiagMessage.Size, [typeof(TcpDiagMd5)] = TcpDiagMd5.Size,
    };

    private static readonly HashSet<Type> Prefixes = [typeof(CloneArgs), typeof(BpfProgramLoad), typeof(BpfLinkCreate), typeof(BpfIteratorCreate)];       // the kernel takes any version of it by size

    private static readonly Type[] Unions = [typeof(SocketAddress)];            // of structures that are compared

    internal static IEnumerable<Type> Types => Structures.Select(s => s.Type).Except([typeof(Stat)]).Concat(Unions);

    public static TheoryData<string> Names => [.. Structures.Select(s => s.Type.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_structure_is_laid_out_as_in_C(string name)
    {
        var (type, structure, headers, fields) = Structures.Single(s => s.Type.Name == name);
        var ours = Ours(type, structure, fields);
        var theirs = CHeaders.Values(headers, ours.Keys);
        if (theirs.Count == 0 && type.Name.StartsWith("Page", StringComparison.Ordinal))
            return;                                         // since Linux 6.7
        string[] wrong = [.. ours.Where(o => theirs.GetValueOrDefault(o.Key, -1) != o.Value).Select(o => $"{o.Key} is {theirs.GetValueOrDefault(o.Key, -1)}, not {o.Value}")];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Sizes_that_are_written_down() => Assert.All(WrittenSizes, s => Assert.Equal(Marshal.SizeOf(s.Key), s.Value));

    [Fact]
    public void Other_constants_of_structures() =>
        Assert.Equal([IoVector.Most, ResourceLimit.Kinds],
            [.. CHeaders.Values("linux/uio.h", ["UIO_MAXIOV"]).Values, .. CHeaders.Values("asm/resource.h", ["RLIM_NLIMITS"]).Values]);

    [Fact]
    public void Every_structure_is_compared()
    {
        string[] forgotten = [.. typeof(Errno).Assembly.GetTypes()
            .Where(t => t.Namespace == "Linux.Abi" && t is { IsValueType: true, IsEnum: false, IsNested: false } && !Unions.Contains(t) && !Structures.Any(s => s.Type == t)).Select(t => t.Name)];
        Assert.True(forgotten.Length == 0, $"not compared: {string.Join(' ', forgotten)}");
    }

    private static Dictionary<string, long> Ours(Type type, string structure, string fields)
    {
        string[] names = fields.Split(' ');
        FieldInfo[] own = [.. type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(f => Marshal.OffsetOf(type, f.Name))];
        Assert.Equal(own.Length, names.Length);
        var values = new Dictionary<string, long>();
        if (!Prefixes.Contains(type))
            values[$"sizeof({structure})"] = Marshal.SizeOf(type);
        for (int i = 0; i < names.Length; i++)
        {
            if (names[i] == "-")
                continue;
            values[$"__builtin_offsetof({structure}, {names[i]})"] = Marshal.OffsetOf(type, own[i].Name);
            values[$"sizeof((({structure} *)0)->{names[i]})"] = Marshal.SizeOf(own[i].FieldType);
        }
        return values;
    }
}
