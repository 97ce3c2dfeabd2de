using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Criu.Core.Programs;
using Criu.Parasite;
using Criu.Soccr;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// How the traffic of a tree's connections is held from their dump to their restore: in CRIU's places, so that each can let go what the other holds. It is removed when it is
/// disposed, unless it is kept.
/// </summary>
internal abstract class NetworkLock : IConnectionLock
{
    /// <summary>Images that nobody restores shall not keep ports from their peers for ever; after a week a peer that had anything to say has long given the connection up.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromDays(7);

    private bool isKept;

    public abstract NetworkLockMethod Method { get; }

    public abstract uint Mark { get; }

    /// <param name="method">How.</param>
    /// <param name="runId">Of the dump.</param>
    /// <param name="pledge">Should the engine end, the guard removes it: that is pledged before it is made.</param>
    public static NetworkLock Create(NetworkLockMethod method, string runId, Pledge pledge) => method switch
    {
        NetworkLockMethod.Nftables =>
            new TableLock(NftablesLock.CreatePersistent(TableOf(runId), new NftablesLockOptions { Timeout = LongestHold, Prepared = table => PledgeRemoval(table, pledge) })),
        NetworkLockMethod.Iptables => new RulesLock(),
        _ => new AbsentLock(),
    };

    /// <summary>The table of a dump. CRIU cuts the name, family and all, to 31 bytes.</summary>
    public static string TableOf(string runId)
    {
        const int Longest = 26;                         // without the family: "inet "
        string name = $"CRIU-{runId}";
        return name[..Math.Min(name.Length, Longest)];
    }

    /// <summary>Rules of iptables(8) that a dump has made, ours or CRIU's; those that are not there are passed over.</summary>
    public static void RemoveRules(ReadOnlySpan<HeldFlow> flows) => RulesLock.RemoveEach(flows);

    public abstract void Hold(ReadOnlySpan<HeldFlow> flows);

    public abstract void Release(ReadOnlySpan<HeldFlow> flows);

    /// <summary>For a table that is about to be made.</summary>
    public static void PledgeRemoval(NftablesLock table, Pledge pledge)
    {
        int copy = pledge.Fetch(Environment.ProcessId, [(int)table.Descriptor.DangerousGetHandle()])[0];
        pledge.Add([PledgedCall.Send(copy, table.RemovalMessage.Span)]);
    }

    public virtual void Remove()
    {
    }

    /// <summary>It stays, for the restore to remove.</summary>
    public void Keep() => isKept = true;

    public void Dispose()
    {
        if (!isKept)
            Remove();
        Close();
    }

    protected virtual void Close()
    {
    }

    /// <summary>The table of nf_tables: gone as a whole.</summary>
    private sealed class TableLock(NftablesLock table) : NetworkLock
    {
        private bool isGone;

        public override NetworkLockMethod Method => NetworkLockMethod.Nftables;
        public override uint Mark => table.Mark;

        public override void Hold(ReadOnlySpan<HeldFlow> flows) => table.Hold(flows);

        public override void Release(ReadOnlySpan<HeldFlow> flows) => table.Release(flows);

        public override void Remove()
        {
            if (!isGone)
                table.Remove();
            isGone = true;
        }

        protected override void Close() => table.Dispose();
    }

    /// <summary>Nobody holds it but who calls us.</summary>
    private sealed class AbsentLock : NetworkLock
    {
        public override NetworkLockMethod Method => NetworkLockMethod.Skip;
        public override uint Mark => NftablesLock.DefaultMark;

        public override void Hold(ReadOnlySpan<HeldFlow> flows)
        {
        }

        public override void Release(ReadOnlySpan<HeldFlow> flows)
        {
        }
    }

    /// <summary>Rules in the chains INPUT and OUTPUT of iptables(8), all in one call of iptables-restore(8). No guard can remove them: should the engine die in between, they stay.</summary>
    private sealed class RulesLock : NetworkLock
    {
        private readonly List<TcpFlow> held = [];

        public override NetworkLockMethod Method => NetworkLockMethod.Iptables;
        public override uint Mark => NftablesLock.DefaultMark;

        public override void Hold(ReadOnlySpan<HeldFlow> flows)
        {
            Change("-I", flows);
            foreach (var flow in flows)
                held.Add(flow.Flow);
        }

        public override void Release(ReadOnlySpan<HeldFlow> flows)
        {
            Change("-D", flows);
            held.Clear();
        }

        public override void Remove() => Release([.. held.ConvertAll(f => new HeldFlow(f, null))]);

        /// <summary>All in one call, which fails where one rule is not there; then one by one.</summary>
        public static void RemoveEach(ReadOnlySpan<HeldFlow> flows)
        {
            if (TryRemove(flows))
                return;
            foreach (var flow in flows)
                TryRemove([flow]);
        }

        /// <summary>False also for rules that were never here, on another host, say, or were removed by hand.</summary>
        private static bool TryRemove(ReadOnlySpan<HeldFlow> flows)
        {
            try
            {
                Change("-D", flows);
                return true;
            }
            catch (CheckpointException)
            {
                return false;
            }
        }

        private static void Change(string action, ReadOnlySpan<HeldFlow> flows)
        {
            StringBuilder v4 = new(), v6 = new();
            foreach (var held in flows)
                Append(held.Flow.Remote.Address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false } ? v6 : v4, action, held.Flow);
            foreach (var (program, rules) in ((string, StringBuilder)[])[("iptables-restore", v4), ("ip6tables-restore", v6)])
                if (rules.Length > 0)
                    Run(program, $"*filter\n{rules}COMMIT\n");
        }

        private static void Append(StringBuilder rules, string action, TcpFlow flow)
        {
            string local = AddressOf(flow.Local.Address), remote = AddressOf(flow.Remote.Address);
            AppendOne("INPUT", $"-s {remote} --sport {flow.Remote.Port} -d {local} --dport {flow.Local.Port}");
            AppendOne("OUTPUT", $"-s {local} --sport {flow.Local.Port} -d {remote} --dport {flow.Remote.Port}");

            void AppendOne(string chain, string ends) =>
                rules.Append(CultureInfo.InvariantCulture, $"{action} {chain} -p tcp -m mark ! --mark 0x{NftablesLock.DefaultMark:X} {ends} -j DROP\n");
        }

        private static string AddressOf(System.Net.IPAddress address) =>
            (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : new System.Net.IPAddress(address.GetAddressBytes())).ToString();

        private static void Run(string program, string input)
        {
            const string Cure = "Install iptables, or hold the network by --network-lock nftables or skip";
            using var rules = ScratchFile.Make(Encoding.ASCII.GetBytes(input));
            using var output = ScratchFile.Make([]);
            var end = Spawner.Run(new ProgramStart { Path = program, Arguments = [program, "-n", "-w"], Input = rules.Fd(), Output = output.Fd() });
            if (!end.Succeeded)
                throw new CheckpointException($"{program} cannot change its rules: it {end}, {ScratchFile.Read(output)}", Cure);
        }
    }
}
