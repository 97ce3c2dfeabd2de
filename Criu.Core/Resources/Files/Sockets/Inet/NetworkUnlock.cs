using Criu.Core.Engine;
using Criu.Parasite;
using Criu.Soccr;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Lets go what a dump holds, ours or CRIU's. Where nothing is held, as on another host, the connections are held by us while they are made: the peer's next segment would find
/// no socket and be answered by a reset.
/// </summary>
internal sealed class NetworkUnlock(RestoreContext context) : IConnectionLock
{
    private NftablesLock? ours;
    private TcpFlow[] flows = [];

    /// <summary>CRIU's mark, which all locks let through.</summary>
    public uint Mark => NftablesLock.DefaultMark;

    private NetworkLockMethod Method => (NetworkLockMethod)context.Inventory.NetworkLockMethod;

    private string Table => NetworkLock.TableOf(context.Inventory.HasDumpCriuRunId ? context.Inventory.DumpCriuRunId.ToStringUtf8() : $"{context.RootPid}");

    /// <param name="held">All connections.</param>
    /// <param name="pledge">Should the engine end, the guard removes what is held by us.</param>
    public void Hold(TcpFlow[] held, Pledge pledge)
    {
        flows = held;
        if (Method != NetworkLockMethod.Nftables || IsHeld())
            return;
        ours = NftablesLock.CreatePersistent(Table, new NftablesLockOptions { Prepared = table => NetworkLock.PledgeRemoval(table, pledge) });
        ours.Hold([.. flows.Select(f => new HeldFlow(f, null))]);
    }

    /// <summary>Since the dump, by us or by CRIU. It is asked before anything is pledged: what is held since the dump is still held when we are killed.</summary>
    private bool IsHeld()
    {
        try
        {
            using var table = NftablesLock.Open(Table);
            return true;
        }
        catch (SoccrException e)
        {
            return e.ErrorNumber != Errno.ENOENT;
        }
    }

    public void Hold(ReadOnlySpan<HeldFlow> held)
    {
    }

    /// <summary>The table goes as a whole: see <see cref="Prepare"/>.</summary>
    public void Release(ReadOnlySpan<HeldFlow> held)
    {
    }

    /// <summary>When repair mode is about to end: the guard lets the traffic pass when it lets the tree go. It cannot change rules of iptables, which are removed here.</summary>
    public void Prepare(ConnectionRelease release)
    {
        if (Method == NetworkLockMethod.Nftables)
            release.RemoveTable(Table);
        else
            Remove();
    }

    /// <summary>What nobody has removed before.</summary>
    public void Remove()
    {
        if (flows.Length == 0)
            return;
        if (Method == NetworkLockMethod.Nftables)
            NftablesLock.RemoveTable(Table);
        else if (Method == NetworkLockMethod.Iptables)
            NetworkLock.RemoveRules([.. flows.Select(f => new HeldFlow(f, null))]);
        flows = [];
    }

    /// <summary>A restore that failed leaves what the dump holds, and takes away what it held itself.</summary>
    public void Dispose()
    {
        if (flows.Length > 0)
            ours?.Remove();
        ours?.Dispose();
    }
}
