using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Drops what arrives for a socket, by a filter on it (SO_ATTACH_FILTER): data, acknowledgements and resets. Older kernels want no privilege for it; newer
/// ones (seen: 6.18.44) want CAP_NET_ADMIN for a filter on TCP, and none to take it off. What the socket itself sends still goes, resends and keepalives
/// among it. It holds only while there is a socket: not between the closing of the saved one and the restored one, where the peer's next segment is answered by
/// a reset. A filter that is left on a socket when its process dies stays as long as the socket does.
/// </summary>
public sealed class SocketFilterLock : IConnectionLock
{
    private readonly IRepairSwitch privilege;
    private readonly Lock gate = new();
    private readonly HashSet<SafeHandle> held = new(ReferenceEqualityComparer.Instance);

    /// <param name="privilege">Who puts the filter on where this process may not; null: nobody.</param>
    public SocketFilterLock(IRepairSwitch? privilege = null) => this.privilege = privilege ?? OwnRepairSwitch.Instance;

    /// <summary>0: what is sent passes without.</summary>
    public uint Mark => 0;

    /// <inheritdoc/>
    public void Hold(ReadOnlySpan<HeldFlow> flows)
    {
        lock (gate)
        {
            List<SafeHandle> added = [];
            try
            {
                foreach (var flow in flows)
                    if (Socket(flow) is var socket && !held.Contains(socket))
                    {
                        Attach(flow.Flow, socket);
                        held.Add(socket);
                        added.Add(socket);
                    }
            }
            catch
            {
                added.ForEach(Detach);
                throw;
            }
        }
    }

    private static SafeHandle Socket(HeldFlow flow) => flow.Socket ?? throw new SoccrException(
        $"{flow.Flow} has no socket: a filter cannot hold the traffic between close and restore. Use NftablesLock, which needs CAP_NET_ADMIN, or hold it yourself and use NoLock");

    private void Attach(TcpFlow flow, SafeHandle socket)
    {
        // Attaching would replace a filter of the application without a word.
        long locked = DroppingFilter.IsLocked(socket), count = DroppingFilter.CountInstructions(socket);
        if (locked == 1)
            throw new SoccrException($"{flow} has SO_LOCK_FILTER: no filter can be put on it. Use NftablesLock");
        if (count > 0 || count == -Errno.EACCES)
            throw new SoccrException($"{flow} has a filter of its own ({(count > 0 ? $"{count} instructions" : "eBPF")}), which ours would replace. Use NftablesLock");
        Check(count, "SO_GET_FILTER", flow);
        long attached = DroppingFilter.Attach(socket);
        Check(attached == -Errno.EPERM ? privilege.Set(socket, PrivilegedOption.DropIncoming, []) : attached, "SO_ATTACH_FILTER", flow);
    }

    /// <inheritdoc/>
    public void Release(ReadOnlySpan<HeldFlow> flows)
    {
        lock (gate)
            foreach (var flow in flows)
                if (flow.Socket is { } socket && held.Remove(socket) && !socket.IsClosed)
                    Check(DroppingFilter.Detach(socket), "SO_DETACH_FILTER", flow.Flow);
    }

    /// <summary>Lets all go that are still held.</summary>
    public void Dispose()
    {
        lock (gate)
            foreach (var socket in held.ToArray())
                Detach(socket);
    }

    private void Detach(SafeHandle socket)
    {
        held.Remove(socket);
        DroppingFilter.Detach(socket);                          // a closed one has taken its filter along
    }

    private static void Check(long result, string step, TcpFlow flow)
    {
        if (Kernel.Failed(result))
            throw new SoccrException(step, flow.ToString(), (int)-result, result switch
            {
                -Errno.EPERM => "This kernel wants CAP_NET_ADMIN for a filter on TCP, in the user namespace that owns the socket's network namespace, or a repair helper that has it",
                -Errno.ENOMEM => "See /proc/sys/net/core/optmem_max",
                _ => null,
            });
    }
}
