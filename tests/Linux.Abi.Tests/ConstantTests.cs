using System.Globalization;
using System.Reflection;

namespace Linux.Abi.Tests;

/// <summary>Every constant against the C headers. A new class of constants needs a line here, or the test says so.</summary>
public sealed class ConstantTests
{
    /// <summary>Class, prefix of the names in C (a name that already begins with one of <c>Whole</c> has none), headers.</summary>
    private static readonly (Type Class, string Prefix, string Whole, string Headers)[] Classes =
    [
        (typeof(Errno), "", "", "asm/errno.h"),
        (typeof(Fcntl), "", "", "asm/fcntl.h linux/fcntl.h linux/memfd.h linux/close_range.h linux/fs.h"),
        (typeof(Futex), "", "", "linux/futex.h"),
        (typeof(Kcmp), "KCMP_", "", "linux/kcmp.h"),
        (typeof(Membarrier), "MEMBARRIER_CMD_", "", "linux/membarrier.h"),
        (typeof(Mman), "", "", "asm/mman.h linux/mman.h"),
        (typeof(PagemapScan), "PAGE_IS_", "", "linux/fs.h"),
        (typeof(Prctl), "", "", "linux/prctl.h asm/prctl.h linux/securebits.h"),
        (typeof(Ptrace), "PTRACE_", "NT_", "linux/types.h linux/ptrace.h asm/ptrace-abi.h linux/elf.h"),
        (typeof(Capability), "CAP_", "", "linux/capability.h"),
        (typeof(Sched), "", "", "linux/sched.h linux/wait.h"),
        (typeof(Signals), "", "", "linux/signal.h"),
        (typeof(Stat), "", "", "linux/stat.h"),
        (typeof(Poll), "", "", "asm/poll.h"),
        (typeof(Epoll), "", "", "linux/eventpoll.h"),
        (typeof(Inotify), "INOTIFY_", "IN_", "linux/types.h linux/ioctl.h linux/inotify.h"),
        (typeof(TimerFds), "TFD_", "", "linux/types.h linux/timerfd.h"),
        (typeof(Sockets), "", "", "sys/socket.h linux/sockios.h linux/un.h"),
        (typeof(SocketStates), "TCP_", "", "netinet/tcp.h"),
        (typeof(SockDiag), "", "", "linux/netlink.h linux/sock_diag.h linux/unix_diag.h linux/inet_diag.h"),
        (typeof(Netlink), "", "", "sys/socket.h linux/netlink.h"),
        (typeof(Netfilter), "", "", "linux/netfilter.h linux/netfilter/nfnetlink.h"),
        (typeof(NfTables), "", "", "linux/netfilter/nf_tables.h"),
        (typeof(Tcp), "TCP_", "", "linux/tcp.h"),
        (typeof(TcpInfoOptions), "TCPI_OPT_", "", "linux/tcp.h"),
        (typeof(TcpOptionKind), "TCPOPT_", "", "netinet/tcp.h"),
        (typeof(So), "SO_", "", "asm/socket.h"),
        (typeof(Ip), "IP_", "", "linux/in.h"),
        (typeof(Ipv6), "IPV6_", "", "linux/in6.h linux/ipv6.h"),
        (typeof(UdpOption), "UDP_", "", "linux/udp.h"),
        (typeof(RawOption), "", "SOL_ ICMP", "sys/socket.h linux/icmp.h linux/icmpv6.h"),
        (typeof(Inet), "", "", "sys/socket.h netinet/in.h asm/ioctls.h linux/sockios.h"),
        (typeof(SocketFilter), "", "", "asm/socket.h linux/filter.h"),
        (typeof(TerminalCall), "", "", "asm/ioctls.h asm/termbits.h"),
        (typeof(TerminalBits), "", "", "asm/termbits.h"),
        (typeof(UnixAddress), "", "", "linux/un.h"),
        (typeof(Bpf), "BPF_", "", "linux/bpf.h"),
        (typeof(Btf), "BTF_KIND_", "", "linux/types.h linux/btf.h"),
    ];

    /// <summary>What is called otherwise in C, or is an expression there.</summary>
    private static readonly Dictionary<string, string> OtherNames = new()
    {
        ["Sched.WALL"] = "__WALL",
        ["PagemapScan.Request"] = "PAGEMAP_SCAN",
        ["PagemapScan.WPALLOWED"] = "PAGE_IS_WPALLOWED",
        ["Capability.Version3"] = "_LINUX_CAPABILITY_VERSION_3",
        ["Epoll.EventSize"] = "sizeof(struct epoll_event)",
        ["Signals.Count"] = "_NSIG",
        ["Signals.SiginfoSize"] = "sizeof(siginfo_t)",
        ["Mman.PageSize"] = "4096",                         // fixed on x86-64
        ["Mman.TaskSize"] = "(1UL << 47) - 4096",           // arch/x86/include/asm/page_64_types.h, no header for programs has it
        ["Fcntl.O_ASYNC"] = "FASYNC",
        ["UdpOption.LITE_SEND_CSCOV"] = "10",               // include/net/udplite.h, no header for programs has them
        ["UdpOption.LITE_RECV_CSCOV"] = "11",
        ["UnixAddress.LongestPath"] = "sizeof(((struct sockaddr_un *)0)->sun_path) - 1",
        ["TcpOptionKind.Mss"] = "TCPOPT_MAXSEG",
        ["TcpOptionKind.Window"] = "TCPOPT_WINDOW",
        ["TcpOptionKind.SackPermitted"] = "TCPOPT_SACK_PERMITTED",
        ["TcpOptionKind.Timestamp"] = "TCPOPT_TIMESTAMP",
    };

    public static TheoryData<string> Names => [.. Classes.Select(c => c.Class.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_constant_is_what_the_headers_say(string name)
    {
        var (type, prefix, whole, headers) = Classes.Single(c => c.Class.Name == name);
        var ours = Constants(type).ToDictionary(f => CName(f, prefix, whole), Value);
        var theirs = CHeaders.Values(headers, ours.Keys);
        string[] wrong = [.. theirs.Where(t => ours[t.Key] != t.Value).Select(t => $"{t.Key} is {t.Value}, not {ours[t.Key]}")];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
        string[] unknown = [.. ours.Keys.Except(theirs.Keys)];
        TestContext.Current.SendDiagnosticMessage($"{name}: {theirs.Count} compared, not in these headers: {string.Join(' ', unknown)}");
        bool isNew = type == typeof(PagemapScan) || type == typeof(Membarrier);             // Linux 6.7 and 6.3
        Assert.True(isNew || unknown.Length * 4 <= ours.Count, $"most are not in the headers: {string.Join(' ', unknown)}");
    }

    [Fact]
    public void Most_constants_are_in_the_headers()
    {
        int known = Classes.Sum(c => CHeaders.Values(c.Headers, Constants(c.Class).Select(f => CName(f, c.Prefix, c.Whole))).Count), all = Classes.Sum(c => Constants(c.Class).Count());
        Assert.True(known >= all * 9 / 10, $"{known} of {all}");
    }

    [Fact]
    public void Every_class_of_constants_is_compared()
    {
        var structures = StructureTests.Types.ToHashSet();
        string[] forgotten = [.. typeof(Errno).Assembly.GetTypes()
            .Where(t => t.Namespace == "Linux.Abi" && !t.IsEnum && !structures.Contains(t) && Constants(t).Any() && !Classes.Any(c => c.Class == t)).Select(t => t.Name)];
        Assert.True(forgotten.Length == 0, $"not compared: {string.Join(' ', forgotten)}");
    }

    [Fact]
    public void System_call_numbers()
    {
        var ours = Enum.GetValues<Nr>().ToDictionary(n => $"__NR_{n.ToString()}", n => (long)n);
        var theirs = CHeaders.Values("asm/unistd_64.h", ours.Keys);
        string[] wrong = [.. theirs.Where(t => ours[t.Key] != t.Value).Select(t => $"{t.Key} is {t.Value}, not {ours[t.Key]}")];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
        Assert.True(theirs.Count >= 340, $"only {theirs.Count} of {ours.Count} were compared");
    }

    [Fact]
    public void An_error_number_is_named() =>
        Assert.All(Constants(typeof(Errno)), f => Assert.Equal(f.Name, Errno.Name(Value(f))));

    private static IEnumerable<FieldInfo> Constants(Type type) =>
        type.GetFields(BindingFlags.Static | BindingFlags.Public).Where(f => f.IsLiteral && f.FieldType != typeof(string) && f.DeclaringType == type);

    private static string CName(FieldInfo field, string prefix, string whole) =>
        OtherNames.GetValueOrDefault($"{field.DeclaringType!.Name}.{field.Name}") ?? (whole.Length > 0 && field.Name.StartsWith(whole, StringComparison.Ordinal) ? "" : prefix) + field.Name;

    private static long Value(FieldInfo field) => field.GetRawConstantValue() is ulong large ? (long)large : Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture);
}
