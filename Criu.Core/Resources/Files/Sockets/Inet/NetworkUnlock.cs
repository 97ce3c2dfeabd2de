using Criu.Core.Engine;
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

    public void Hold(TcpFlow[] held)
    {
        flows = held;
        if (flows.Length == 0 || Method != NetworkLockMethod.Nftables)
            return;
        try
        {
            ours = NftablesLock.CreatePersistent(Table);
        }
        catch (SoccrException e) when (e.ErrorNumber == Errno.EEXIST)
        {
            return;                                     // held since the dump
        }
        ours.Hold([.. flows.Select(f => new HeldFlow(f, null))]);
    }

    public void Hold(ReadOnlySpan<HeldFlow> held)
    {
    }

    /// <summary>The table goes as a whole, before: <see cref="Remove"/>.</summary>
    public void Release(ReadOnlySpan<HeldFlow> held)
    {
    }

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
