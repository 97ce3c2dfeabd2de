using System.Globalization;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>TCP connections with a peer that is not dumped: it must notice nothing, whatever becomes of an engine.</summary>
public sealed class ConnectionTests : EndToEndTest
{
    private const string Port = "7070";

    private readonly int _seed = RestoreErrorTests.Setting("CRIU_SEED", Random.Shared.Next());
    private readonly int _rounds = RestoreErrorTests.Setting("CRIU_KILLS", 30);

    public static TheoryData<string> Engines => [.. Engine.UnderTest];

    public static TheoryData<string, string> EnginesAndMethods => [.. Engine.UnderTest.SelectMany(e => new[] { "nftables", "iptables", "skip" }.Select(m => (e, m)))];

    /// <summary>A target and its peer, which is another target that is never dumped. Whether the target or the peer has connected makes no difference to TCP, but to ports.</summary>
    private (Target Ours, Target Peer) Connected(Network ours, Network peers, string address, bool oursListens = true)
    {
        Workload listening = new($"tcp listen {address} {Port}") { Counters = 0, Options = ["--tcp-established"] }, connecting = new($"tcp connect {address} {Port}") { Options = ["--tcp-established"] };
        Target server = Start(listening, network: oursListens ? ours : peers), client = Start(connecting, network: oursListens ? peers : ours);
        server.Await(() => server.Counts > 0, "does not accept");
        return oursListens ? (server, client) : (client, server);
    }

    private static void GoOn(Target ours, Target peer)
    {
        ours.GoesOn();
        peer.GoesOn();
    }

    /// <summary>Both have to be asked, as each waits for the other's last byte.</summary>
    private static void Finish(Target ours, Target peer)
    {
        ours.AskToFinish();
        peer.Finish();
        ours.Finish();
    }

    [Theory, MemberData(nameof(EnginesAndMethods))]
    public void Each_way_to_hold_the_traffic(string engine, string method)
    {
        Network network = NewNetwork();
        var (ours, peer) = Connected(network, network, "127.0.0.1");
        long resets = network.ResetsSent;
        for (int round = 0; round < 3; round++)
        {
            if (method == "skip")                       // then it is the caller's, from before the dump
                network.Do($"nft 'add table inet byhand; add chain inet byhand c {{ type filter hook input priority -400; }}; add rule inet byhand c meta mark != 0xC114 tcp dport {Port} drop; add rule inet byhand c meta mark != 0xC114 tcp sport {Port} drop'");
            ours.DumpToTheEnd(Engine.Named(engine), "--network-lock", method);
            ours.Holds(network.Held.Length > 0, "is dumped, and its traffic is not held");
            if (method == "nftables")
                ours.Holds(network.Do("nft list ruleset").Contains("timeout 7d", StringComparison.Ordinal), "is held for ever");
            if (method == "skip")
            {
                // A tree that runs while it is held loses news of its windows, and a peer that waits for room asks but every few seconds, in the end minutes.
                ours.Restore(Engine.Named(engine), "--leave-stopped");
                network.Do("nft delete table inet byhand");
                Assert.Equal(0, Libc.kill(ours.Pid, Libc.SIGCONT));
            }
            else
                ours.Restore(Engine.Named(engine));
            ours.Holds(network.Held.Length == 0, $"is restored, and its traffic is held still: {network.Held}");
            GoOn(ours, peer);
        }
        ours.Holds(network.ResetsSent == resets, "reset a connection");
        Finish(ours, peer);
    }

    [Theory, InlineData("::1", true), InlineData("::ffff:127.0.0.1", true), InlineData("127.0.0.1", false), InlineData("::1", false)]
    public void Over_each_family_and_from_each_side(string address, bool oursListens)
    {
        Network network = NewNetwork();
        var (ours, peer) = Connected(network, network, address, oursListens);
        long resets = network.ResetsSent;
        for (int round = 0; round < 3; round++)
        {
            ours.Dump(Engine.Native, "-R");
            GoOn(ours, peer);
            ours.DumpToTheEnd(Engine.Native);
            ours.Restore(Engine.Native);
            GoOn(ours, peer);
        }
        ours.Holds(network.ResetsSent == resets, "reset a connection");
        Finish(ours, peer);
    }

    /// <summary>The address moves along, and the peer's connection with it.</summary>
    [Fact]
    public void In_another_network_that_has_the_address()
    {
        Network first = NewNetwork(), peers = NewNetwork(), second = NewNetwork();
        peers.Do("ip link add bridge type bridge && ip addr add 10.9.7.1/24 dev bridge && ip link set bridge up");
        foreach (var (network, device) in new[] { (first, "one"), (second, "two") })
        {
            network.ConnectTo(peers, device, "10.9.7.2/24", otherAddress: null);
            peers.Do($"ip link set {device} master bridge");
        }
        second.Do("ip link set two down");
        var (ours, peer) = Connected(first, peers, "10.9.7.2");
        long resets = first.ResetsSent + peers.ResetsSent + second.ResetsSent;
        ours.DumpToTheEnd(Engine.Native);
        first.Do("ip link set one down");
        second.Do("ip link set two up");
        EngineRun run = ours.Note(second.With(Engine.Native).Restore(ours.Images, "--tcp-established"));
        ours.Holds(run.Succeeded, "is not restored elsewhere");
        peers.Do("ip neigh flush all");
        GoOn(ours, peer);
        ours.Holds(first.ResetsSent + peers.ResetsSent + second.ResetsSent == resets, "reset a connection");
        Finish(ours, peer);
    }

    /// <summary>However far a dump came: repair mode is off, options are as before (the workload looks), and nothing is held.</summary>
    [Fact]
    public void A_dump_is_killed()
    {
        Network network = NewNetwork();
        var (ours, peer) = Connected(network, network, "127.0.0.1");
        Random random = new(_seed);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        ours.Dump(Engine.Native, "-R");
        TimeSpan whole = clock.Elapsed;
        for (int round = 0; round < _rounds; round++)
        {
            RunningEngine engine = ours.Here(Engine.Native).Start("dump", ours.Images, "-t", $"{ours.Pid}", "-R", "--tcp-established");
            Thread.Sleep(whole * random.NextDouble());
            engine.Kill();
            string which = $"(CRIU_SEED={_seed}, round {round})";
            ours.Holds(Leaks.In(ours.Tree).Length == 0, $"was harmed by a killed dump {which}:\n{Proc.Text(engine.LogFile)}");
            ours.Holds(network.Held.Length == 0, $"is held still {which}: {network.Held}\n{Proc.Text(engine.LogFile)}");
            GoOn(ours, peer);
        }
        ours.DumpToTheEnd(Engine.Native);
        ours.Restore(Engine.Native);
        GoOn(ours, peer);
        Finish(ours, peer);
    }

    /// <summary>Whenever that is: the peer is held as after the dump and hears nothing, and the next restore works; or the tree is there, and nothing is held.</summary>
    [Fact]
    public void A_restore_is_killed()
    {
        Network network = NewNetwork();
        var (ours, peer) = Connected(network, network, "127.0.0.1");
        network.CountResetsThatPass();
        Random random = new(_seed);
        int finished = 0, late = 0;
        for (int round = 0; round < _rounds; round++)
        {
            string which = $"(CRIU_SEED={_seed}, round {round})";
            long resets = network.ResetsThatPassed;
            ours.DumpToTheEnd(Engine.Native);
            long before = new FileInfo(ours.LogFile).Length;
            RunningEngine engine = ours.Here(Engine.Native).Start("restore", ours.Images, "-d", "--tcp-established");
            KillAtSomeTime(engine, random);
            ours.Holds(Leaks.In([]).Length == 0, $"left a helper {which}");
            ours.Holds(Child.Until(() => ours.IsOver || new FileInfo(ours.LogFile).Length > before, seconds: 5), $"is neither gone nor goes on {which}\n{Proc.Text(engine.LogFile)}");
            // The kernel may write one for a connection that was filled just then: it is dropped.
            ours.Holds(network.ResetsThatPassed == resets, $"reset a connection {which}\n{Proc.Text(engine.LogFile)}");
            late += Proc.Text(engine.LogFile).Contains("Restore: connections", StringComparison.Ordinal) ? 1 : 0;
            if (ours.IsOver)
            {
                ours.End(but: peer.Pid);
                ours.Restore(Engine.Native);
            }
            else
                finished++;
            ours.Holds(network.Held.Length == 0, $"is restored and held still {which}: {network.Held}\n{Proc.Text(engine.LogFile)}");
            GoOn(ours, peer);
        }
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{finished} of {_rounds} came to their end, {late} had come to the connections"));
        Finish(ours, peer);
    }

    /// <summary>Where nothing is held since the dump, as on another host, the restore holds the traffic itself, and takes that away, whenever it is killed.</summary>
    [Fact]
    public void A_restore_elsewhere_is_killed()
    {
        Network network = NewNetwork(), elsewhere = NewNetwork();
        var (ours, peer) = Connected(network, network, "127.0.0.1");
        Random random = new(_seed);
        ours.DumpToTheEnd(Engine.Native);
        for (int round = 0; round < _rounds; round++)
        {
            string which = $"(CRIU_SEED={_seed}, round {round})";
            RunningEngine engine = elsewhere.With(Engine.Native).Start("restore", ours.Images, "-d", "--tcp-established");
            KillAtSomeTime(engine, random);
            ours.Holds(Leaks.In([]).Length == 0, $"left a helper {which}");
            ours.Holds(elsewhere.Held.Length == 0, $"is held {which}: {elsewhere.Held}\n{Proc.Text(engine.LogFile)}");
            ours.End(but: peer.Pid);
        }
    }

    /// <summary>Half of them at any time, half when connections go on.</summary>
    private static void KillAtSomeTime(RunningEngine engine, Random random)
    {
        if (random.Next(2) == 0)
            Thread.Sleep(TimeSpan.FromMilliseconds(40) * random.NextDouble());
        else
            SpinWait.SpinUntil(() => Proc.Text(engine.LogFile).Contains("Restore: connections", StringComparison.Ordinal), millisecondsTimeout: 1000);
        if (random.Next(2) == 0)
            Thread.SpinWait(random.Next(1_000_000));    // some milliseconds
        engine.Kill();
    }

    [Fact]
    public void A_dump_fails()
    {
        Network network = NewNetwork();
        var (ours, peer) = Connected(network, network, "127.0.0.1");
        ProcessPicture before = ours.Picture();
        using (Mounted small = Mounted.Small(ours.Images, kilobytes: 60))
        {
            ours.Refuses(ours.TryDump(Engine.Native), "no space|ENOSPC");
            ours.SurvivedAFailedDump(before);
        }
        ours.Holds(network.Held.Length == 0, $"is held still: {network.Held}");
        GoOn(ours, peer);
        Finish(ours, peer);
    }

    [Theory, InlineData("missing", "tcp-stream"), InlineData("cut", "tcp-stream"), InlineData("pid", "exist|taken|in use"), InlineData("option", "--tcp-established"), InlineData("files", "files|tcp-stream")]
    public void A_restore_fails(string how, string says)
    {
        Network network = NewNetwork();
        var (ours, peer) = Connected(network, network, "127.0.0.1");
        long resets = network.ResetsSent;
        if (how == "pid")
        {
            ours.Dump(Engine.Native, "-R");
            ours.Refuses(ours.TryRestore(Engine.Native), says);
            GoOn(ours, peer);
        }
        ours.DumpToTheEnd(Engine.Native);
        string file = how == "files" ? Path.Combine(ours.Images, "files.img") : Directory.GetFiles(ours.Images, "tcp-stream-*.img").Order().Last();
        byte[] good = File.ReadAllBytes(file);
        if (how == "missing")
            File.Delete(file);
        else if (how is "cut" or "files")
            File.WriteAllBytes(file, good[..^3]);
        if (how != "pid")
        {
            ours.Refuses(how == "option" ? ours.Note(ours.Here(Engine.Native).Restore(ours.Images)) : ours.TryRestore(Engine.Native), says);
            ours.Holds(Child.Until(() => ours.IsOver, seconds: 2) && Leaks.In([]).Length == 0, "is there after a failed restore");
        }
        File.WriteAllBytes(file, good);
        ours.Holds(network.Held.Length > 0 && network.ResetsSent == resets, "is not held any more after a failed restore, or reset a connection");
        ours.Restore(Engine.Native);
        GoOn(ours, peer);
        ours.Holds(network.ResetsSent == resets, "reset a connection");
        Finish(ours, peer);
    }

    private static readonly (string Case, string Says, string[] Options)[] Sockets =
    [
        ("established", "--tcp-established", []), ("corked", "UDP_CORK", ["--tcp-established"]), ("mptcp", "MPTCP", ["--tcp-established"]), ("queued", "accept", ["--tcp-established"]), ("urgent", "urgent", ["--tcp-established"]),
    ];

    public static TheoryData<string, string> Refused => [.. Engine.UnderTest.SelectMany(e => Sockets.Select(s => (e, s.Case)))];

    [Theory, MemberData(nameof(Refused))]
    public void A_socket_that_is_not_supported(string engine, string which)
    {
        var (_, says, options) = Sockets.Single(s => s.Case == which);
        Target target = Start(new Workload($"tcprefused {which}") { OwnNetwork = true, Options = options });
        ProcessPicture before = target.Picture();
        target.Refuses(target.TryDump(Engine.Named(engine)), says);
        target.SurvivedAFailedDump(before);
        target.Holds(target.Network!.Held.Length == 0, "is held still");
        target.Finish();
    }

    /// <summary>What the connection was is gone, its socket is there and says so.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void Closed_by_an_option(string engine)
    {
        Target target = Start(new Workload("tcpclosed") { OwnNetwork = true, Options = ["--tcp-close"] });
        target.DumpToTheEnd(Engine.Named(engine));
        target.Restore(Engine.Named(engine));
        target.Holds(target.Network!.Held.Length == 0, "is held");
        target.Await(() => target.Has("closed", 3), "is not closed");
        target.Finish();
    }
}
