using System.Globalization;
using System.Text.RegularExpressions;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>
/// A network namespace of a test's own, with lo and one cable in it. Targets and engines are started inside by nsenter(1), which, unlike ip-netns(8), makes no mount namespace.
/// What nobody answers on is <see cref="Nobody"/>: packets to it leave, and that is all.
/// </summary>
internal sealed partial class Network : IDisposable
{
    public const string Nobody = "10.9.0.99", Ours = "10.9.0.1", Other = "10.9.1.2";
    private static int s_networks;

    public Network()
    {
        Name = $"criu-e2e-{Environment.ProcessId}-{Interlocked.Increment(ref s_networks)}";
        Run("ip", "netns", "add", Name);
        Do("ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.9.0.1/24 dev v0 && ip -6 addr add fd09::1/64 dev v0 nodad"
            + " && ip link set v0 arp off && ip link set v0 up && ip link set v1 up && echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range");
    }

    public string Name { get; }

    /// <summary>What is put before a command to run it in here.</summary>
    public string[] Enter => ["nsenter", $"--net=/run/netns/{Name}"];

    public Engine With(Engine engine) => engine with { Prefix = [.. Enter, .. engine.Prefix] };

    /// <summary>A cable to another one.</summary>
    /// <param name="other">The other one.</param>
    /// <param name="device">Its name at both ends.</param>
    /// <param name="address">Of our end, with the length of the prefix.</param>
    /// <param name="otherAddress">Of the other end; null: it is not ours to give.</param>
    public void ConnectTo(Network other, string device, string address, string? otherAddress)
    {
        Do($"ip link add {device} type veth peer name {device} netns {other.Name} && ip addr add {address} dev {device} && ip link set {device} up");
        other.Do($"ip link set {device} up{(otherAddress == null ? "" : $" && ip addr add {otherAddress} dev {device}")}");
    }

    /// <summary>Runs a shell's commands in it, which must succeed.</summary>
    /// <returns>What they printed.</returns>
    public string Do(string commands) => Run([.. Enter, "sh", "-c", commands]);

    /// <summary>Resets that were sent from here. The address of a peer that is in here too counts as well.</summary>
    public long ResetsSent => Counter("OutRsts");

    /// <summary>From now on those are counted that got past whatever holds traffic.</summary>
    public void CountResetsThatPass() =>
        Do("nft 'add table inet passed; add chain inet passed out { type filter hook output priority 1000; }; add rule inet passed out tcp flags & rst == rst counter'");

    public long ResetsThatPassed => long.Parse(PassedPackets().Match(Do("nft list chain inet passed out")).Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("counter packets ([0-9]+)")]
    private static partial Regex PassedPackets();

    public long Counter(string name)
    {
        string[] lines = [.. Do("cat /proc/net/snmp").Split('\n').Where(l => l.StartsWith("Tcp:", StringComparison.Ordinal))];
        return long.Parse(lines[1].Split(' ')[Array.IndexOf(lines[0].Split(' '), name)], CultureInfo.InvariantCulture);
    }

    /// <summary>What holds traffic in it: tables of nf_tables, those of iptables among them only where they have rules.</summary>
    public string Held => string.Join('\n', Do("nft list ruleset").Split('\n').Where(l => l.Contains("CRIU", StringComparison.Ordinal) || l.Contains("drop", StringComparison.OrdinalIgnoreCase)));

    private static string Run(params string[] command)
    {
        string output = Path.GetTempFileName();
        try
        {
            int pid = Child.Start(["sh", "-c", $"exec \"$@\" > {output} 2>&1", "sh", .. command]);
            int? code = Child.Wait(pid, TimeSpan.FromSeconds(20));
            string text = File.ReadAllText(output);
            return code == 0 ? text : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {code}: {text}");
        }
        finally
        {
            File.Delete(output);
        }
    }

    public void Dispose() => Run("ip", "netns", "del", Name);
}
