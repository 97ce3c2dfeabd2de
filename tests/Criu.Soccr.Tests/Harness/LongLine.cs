using System.Diagnostics;

namespace Criu.Soccr.Tests.Harness;

/// <summary>
/// Two hosts of ours, and a peer far away: behind a router, and a line that takes 50 ms each way. The router loses one packet of TCP in a hundred. An address of ours belongs to
/// one host at a time, and the router is told where it is.
/// <code>
///   First  10.7.1.2 ── 10.7.1.1 ┐
///                               Router  10.7.9.1 ══ relay.py ══ 10.7.9.2  Theirs
///   Second 10.7.2.2 ── 10.7.2.1 ┘
/// </code>
/// </summary>
internal sealed class LongLine : IDisposable
{
    private const int Delay = 50;                       // milliseconds
    private readonly Process relay;

    public LongLine()
    {
        foreach (var (host, number) in Hosts)
        {
            Router.Ip($"link add v{number} type veth peer name v netns {host.Tid}");
            Router.Ip($"link set v{number} up");
            host.Ip("link set v up");
            Give(Router, host, $"v{number}", "v", number);
            host.Ip($"route add default via 10.7.{number}.1");
            host.Ip($"-6 route add default via fd07:{number}::1");
        }
        Router.Set("ipv4/ip_forward", "1");
        Router.Set("ipv6/conf/all/forwarding", "1");
        relay = Router.Run(() => Process.Start(new ProcessStartInfo("python3", [Path.Combine(Consumer.Root, "tests/Criu.Soccr.Tests/Harness/relay.py"), $"{Delay}"])
            { RedirectStandardInput = true, RedirectStandardOutput = true })!);
        Assert.Equal("ok", relay.StandardOutput.ReadLine());
        Router.Ip($"link set r1 netns {Theirs.Tid}");
        Router.Ip("link set r0 up");
        Theirs.Ip("link set r1 up");
        Give(Router, Theirs, "r0", "r1", 9);
        Theirs.Ip("route add default via 10.7.9.1");
        Theirs.Ip("-6 route add default via fd07:9::1");
        Router.Do("nft", "add table inet loss; add chain inet loss some { type filter hook forward priority 0; }; add rule inet loss some meta l4proto tcp numgen random mod 100 < 1 counter drop");
        Peer = new Peer(Theirs);
    }

    public Namespace First { get; } = new();
    public Namespace Second { get; } = new();
    public Namespace Theirs { get; } = new();
    public Peer Peer { get; }

    private Namespace Router { get; } = new();

    private (Namespace Host, int Number)[] Hosts => [(First, 1), (Second, 2)];

    private static void Give(Namespace a, Namespace b, string deviceOfA, string deviceOfB, int net)
    {
        foreach (var (ns, device, number) in new[] { (a, deviceOfA, 1), (b, deviceOfB, 2) })
        {
            ns.Ip($"addr add 10.7.{net}.{number}/24 dev {device}");
            ns.Ip($"addr add fd07:{net}::{number}/64 dev {device} nodad");
        }
    }

    public static string Address(bool isIPv6) => isIPv6 ? "fd07:a::1" : "10.9.0.1";

    public static string AddressOfPeer(bool isIPv6) => isIPv6 ? "fd07:9::2" : "10.7.9.2";

    /// <summary>Where the router looks for our address from now on.</summary>
    public void Lead(bool isIPv6, bool toSecond) =>
        Router.Ip($"{(isIPv6 ? "-6 " : "")}route replace {Address(isIPv6)} via {(isIPv6 ? $"fd07:{(toSecond ? 2 : 1)}::2" : $"10.7.{(toSecond ? 2 : 1)}.2")}");

    /// <summary>Packets that the router has lost.</summary>
    public int Lost()
    {
        string[] words = Router.Do("nft", "list chain inet loss some").Split(' ');
        return int.Parse(words[Array.IndexOf(words, "packets") + 1], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>A counter of all that are ends of connections.</summary>
    public long Sum(string name, string group = "Tcp") => First.Counter(name, group) + Second.Counter(name, group) + Theirs.Counter(name, group);

    public void Dispose()
    {
        Peer.Dispose();
        relay.StandardInput.Close();
        relay.WaitForExit();
        relay.Dispose();
        foreach (var ns in new[] { First, Second, Theirs, Router })
            ns.Dispose();
    }
}
