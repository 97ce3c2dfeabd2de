using System.Text.RegularExpressions;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Every workload, one line each: what it holds is written at the top of its source.</summary>
internal static class Workloads
{
    private const string RestartBlock = "stores EINTR for a call with a restart block";

    private const string LimitsFromOutside = "reads limits from outside, which needs CAP_SYS_RESOURCE where the users differ";

    private static readonly Regex EventCount = new("eventfd-count");

    private static readonly Regex TimerState = new("it_value|ticks");

    private const string LostReset = "loses the error of a connection that was reset";

    private const string OnlyWaiting = "crashes over a socket that only waits in another";

    private static readonly string[] Connections = ["--tcp-established"];

    public static readonly Workload[] All =
    [
        new("counter") { AsUser = true },
        new("threads 16") { Counters = 16, AsUser = true },
        new("tree 50") { Counters = 50, AsUser = true },
        new("goroutines") { AsUser = true, Changes = new(" map | thread | Threads") },
        new("pipeline.sh") { AsUser = true },
        new("loop.py") { AsUser = true, Changes = new(" map ") },
        new("memory 64") { AsUser = true },
        new("memory 1024") { AsUser = true },
        new("cow") { Counters = 4, Changes = new("fd 3") },
        new("shared") { Counters = 3 },
        new("memfd"),
        new("memfd future"),
        new("pipes"),
        new("pipes packets") { ReferenceCannot = "packetized pipes are not supported" },
        new("files") { ReferenceChanges = new("fd 13 flags") },
        new("descriptors"),
        new("eventfd") { Changes = EventCount },
        new("eventfd semaphore") { Changes = EventCount, ReferenceCannot = "does not keep EFD_SEMAPHORE" },
        new("eventfd full") { Changes = EventCount, ReferenceCannot = "makes the counter with eventfd(), which takes 32 bits" },
        new("epoll"),
        new("epoll dup") { Changes = new("fd 3 tfd") },
        new("epoll reused") { Changes = new("fd 3 tfd") },
        new("timerfd") { Changes = TimerState },
        new("timerfd periodic") { Changes = TimerState, ReferenceCannot = "leaves a periodic timer unarmed that has fired and was not read" },
        new("inotify") { AsUser = true, ReferenceChanges = new("inotify wd") },           // it forgets IN_EXCL_UNLINK and IN_ONESHOT
        new("signalfd") { Changes = new("Pnd$") },
        new("terminals") { Counters = 2, AsUser = true, ReferenceChanges = new("stat tty") },          // it gives the terminal to the leader alone
        new("terminals lines") { ReferenceCannot = "keeps lines that wait as the output of an echo as well" },
        new("terminals closed") { ReferenceCannot = "opens no slave of a terminal that was closed, whose master waits for it then" },
        new("terminals odd") { ReferenceCannot = "does not keep exclusive mode" },
        new("terminals session") { Counters = 3, ReferenceCannot = "looks for /dev/tty among the terminals of one process" },
        new("netlink") { OwnNetwork = true },
        new("netlink more") { OwnNetwork = true, ReferenceCannot = "knows 32 groups, and no option of level SOL_NETLINK" },
        new("unixsockets"),
        new("unixodd") { ReferenceCannot = "leaves the directories that it makes for unlinked sockets" },
        new("unixodd outside") { ReferenceCannot = "leaves the directories that it makes for unlinked sockets", Options = ["--ext-unix-sk"] },
        new("unixsockets names") { ReferenceCannot = "takes the name from a socket that was accepted" },
        new("passed") { AsUser = true, ReferenceCannot = OnlyWaiting },
        new("passed loop") { AsUser = true, ReferenceCannot = OnlyWaiting },
        new("passed common") { AsUser = true },
        new("passedkinds") { OwnNetwork = true, Options = Connections, ReferenceCannot = "does not dump terminals that only wait in a socket" },
        new("passed senders") { ReferenceCannot = "refuses messages that tell who sent them" },
        new("connections 60") { OwnNetwork = true, Options = Connections },
        new("connections 1200") { OwnNetwork = true, Options = Connections, ReferenceCannot = "makes a rule of iptables for each, which takes more than a minute" },
        new("tcp") { Counters = 2, OwnNetwork = true, Options = Connections },
        new($"tcpstates {Network.Nobody}") { OwnNetwork = true, Options = Connections, ReferenceCannot = LostReset },
        new($"tcpstates outside {Network.Nobody}") { OwnNetwork = true, Options = Connections, ReferenceCannot = LostReset },
        new($"tcpstates common {Network.Nobody}") { OwnNetwork = true, Options = Connections },
        new("tcpoptions common") { OwnNetwork = true, Options = Connections },
        new("tcpoptions all") { OwnNetwork = true, Options = Connections, ReferenceCannot = "has no field for most options of TCP and IP" },
        new("udp") { OwnNetwork = true, ReferenceCannot = "loses datagrams that wait" },
        new("udp options") { OwnNetwork = true, ReferenceCannot = "loses datagrams that wait" },
        new("udp others") { OwnNetwork = true, ReferenceCannot = "loses datagrams that wait" },
        new("udp quiet") { OwnNetwork = true },
        new("udp quiet options common") { OwnNetwork = true },
        new("udp quiet options") { OwnNetwork = true, ReferenceCannot = "has no field for groups and other options of multicast, nor for TCLASS and UNICAST_HOPS of IPv6" },
        new("udp quiet others common") { OwnNetwork = true },
        new("udp quiet others") { OwnNetwork = true, ReferenceCannot = "does not bind ping sockets, whose identifiers change" },
        new("signals") { Counters = 2 },
        new("signals 3000") { Counters = 2 },
        new("timers") { Changes = new("Pnd$") },
        new("timers 3000") { Changes = new("Pnd$") },
        new("limits") { Counters = 2 },
        new("credentials") { Counters = 2, ReferenceCannot = User.Has(User.SysResource) ? null : LimitsFromOutside },
        new("prctls") { Counters = 2 },
        new("prctls personality") { Counters = 2, ReferenceCannot = "stores the personality and does not restore it" },
        new("prctls mdwe") { Counters = 2, NotInImages = "memory-deny-write-execute has no field" },
        new("place") { Counters = 2, Changes = new("fd 4"), ReferenceChanges = new("fd 3 flags") },
        new("place chroot") { Counters = 2, Changes = new("fd 4"), ReferenceChanges = new("fd 3 flags") },
        new("robust") { Counters = 2, ReferenceCannot = "kills the owner of robust mutexes with the list in place, which marks them as left by a dead owner" },
        new("rseq") { Counters = 4 },
        new("vdso"),
        new("growth"),
        new("mappings"),
        new("guards") { Counters = 2 },
        new("zombie") { Counters = 2 },
        new("stopped") { Counters = 2, StandsStill = "stopped", ReferenceChanges = new("ShdPnd") },
        .. Blocked,
    ];

    /// <summary>The calls that go on as if nothing had happened, and those that the kernel ends with EINTR at any stop.</summary>
    private static IEnumerable<Workload> Blocked =>
    [
        .. new[] { "futex", "ppoll", "select", "read", "write", "wait4", "pause", "sigsuspend" }.Select(c => new Workload($"blocked {c} strictly") { AsUser = true }),
        .. new[] { "nanosleep", "clock_nanosleep", "poll", "poll_timed", "futex_timed" }.Select(c => new Workload($"blocked {c} strictly") { AsUser = true, ReferenceCannot = RestartBlock }),
        .. new[] { "nanosleep", "clock_nanosleep", "poll", "poll_timed", "futex_timed", "epoll_wait", "sigtimedwait" }.Select(c => new Workload($"blocked {c}") { AsUser = true }),
    ];

    public static readonly Workload Traced = new("traced") { Counters = 2 };

    public static readonly Workload Unsupported = new("unsupported");

    /// <summary>What a dump refuses by name, until it works.</summary>
    public static readonly Workload[] Refused = [new("seccomp filter"), new("seccomp strict") { Counters = 2 }];

    public static Workload Named(string command) => All.Concat(Refused).Single(w => w.Command == command);
}
