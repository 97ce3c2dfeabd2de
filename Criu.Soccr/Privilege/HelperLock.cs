using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Has a repair helper hold the traffic. It holds that of sockets that are shown to it: nobody can hold, or let go, another's.</summary>
internal sealed class HelperLock(RepairHelperClient client, uint mark) : IConnectionLock
{
    public uint Mark => mark;

    public void Hold(ReadOnlySpan<HeldFlow> flows)
    {
        for (int at = 0; at < flows.Length; at += DescriptorMessages.Most)
            try
            {
                Ask(HelperProtocol.Hold, "Holding", Part(flows, at), []);
            }
            catch
            {
                if (at > 0)
                    Release(flows[..at]);
                throw;
            }
    }

    public void Release(ReadOnlySpan<HeldFlow> flows)
    {
        List<HeldFlow> connected = [];
        foreach (var flow in flows)
            if (CallsOf(flow).TryPeerName(out _))
                connected.Add(flow);
            else
                Ask(HelperProtocol.Release, "Releasing", [flow], SocketAddress.Of(flow.Flow.Remote).ToBytes());          // its SYN is sent only now
        var all = CollectionsMarshal.AsSpan(connected);
        for (int at = 0; at < all.Length; at += DescriptorMessages.Most)
            Ask(HelperProtocol.Release, "Releasing", Part(all, at), []);
    }

    private static ReadOnlySpan<HeldFlow> Part(ReadOnlySpan<HeldFlow> flows, int at) => flows.Slice(at, Math.Min(DescriptorMessages.Most, flows.Length - at));

    private static SafeHandle Socket(HeldFlow flow) => flow.Socket ?? throw new SoccrException($"{flow.Flow} has no socket: the repair helper holds and releases only what is shown to it");

    private static SocketCalls CallsOf(HeldFlow flow) => new((int)Socket(flow).DangerousGetHandle(), flow.Flow.ToString());

    private void Ask(ushort operation, string what, ReadOnlySpan<HeldFlow> flows, ReadOnlySpan<byte> value)
    {
        var sockets = new SafeHandle[flows.Length];
        for (int i = 0; i < sockets.Length; i++)
            sockets[i] = Socket(flows[i]);
        var (result, _) = client.Ask(operation, what, sockets, value);
        if (result < 0)
            throw new SoccrException($"{what} by {client}", flows.Length == 1 ? flows[0].Flow.ToString() : $"{flows.Length} connections ({flows[0].Flow} and others)", -result,
                result == -Errno.ENOTCONN ? "One of them has no peer, or another one than is said" : "The helper's log says more");
    }

    public void Dispose()
    {
        // Another process may go on with what is held.
    }
}
