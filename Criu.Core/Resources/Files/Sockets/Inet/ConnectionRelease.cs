using System.Runtime.InteropServices;
using Criu.Parasite;
using Criu.Soccr;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// How restored connections come to go on together with their tree, or not at all. From the end of repair mode on they would tell their peers of the end of a tree that is killed;
/// and a tree that runs must not be left with its traffic held. So
///   1. before repair mode ends the guard has copies of all, and a pledge to switch it on again: should the engine end, they are closed without a word, and can be restored once more;
///   2. repair mode ends while the traffic is held still;
///   3. the batch that lets the tree go lets the traffic pass, and asks each peer for an answer, as the end of repair mode does, whose question was held.
/// </summary>
internal sealed class ConnectionRelease(Guard guard)
{
    private readonly List<PledgedCall> calls = [];

    /// <summary>What the guard does should the engine end before.</summary>
    public Pledge Pledge { get; } = guard.NewPledge();

    /// <summary>What it does as it lets the tree go.</summary>
    public IReadOnlyList<PledgedCall> Calls => calls;

    /// <summary>Of connections that are in repair mode still.</summary>
    public void PledgeSilence(IReadOnlyList<(SafeHandle Socket, TcpConnectionState State)> connections)
    {
        int[] copies = Fetch([.. connections.Select(c => c.Socket)]);
        Pledge.Add([.. copies.Select(copy => PledgedCall.SetOption(copy, Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_ON))]);
        for (int i = 0; i < copies.Length; i++)
            AskPeer(copies[i], connections[i].State);
    }

    /// <summary>The end of repair mode asks, also where it has ended before. It clears SO_REUSEADDR.</summary>
    private void AskPeer(int copy, TcpConnectionState state)
    {
        if (state.State == TcpState.Established)
        {
            calls.Add(PledgedCall.SetOption(copy, Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_OFF));
            if (state.ReuseAddress)
                calls.Add(PledgedCall.SetOption(copy, Sockets.SOL_SOCKET, So.REUSEADDR, 1));
        }
        calls.Add(PledgedCall.Close(copy));             // the tree's are the last: what it closes is closed
    }

    /// <summary>The traffic passes first of all.</summary>
    public void RemoveTable(string table)
    {
        using var socket = Kernel.Own(Kernel.Call(Nr.socket, Sockets.AF_NETLINK, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, Netlink.NETLINK_NETFILTER));
        int copy = Fetch([socket])[0];
        calls.InsertRange(0, [PledgedCall.Send(copy, NftablesLock.RemovalMessageOf(table).Span), PledgedCall.Close(copy)]);
    }

    private int[] Fetch(SafeHandle[] own) => Pledge.Fetch(Environment.ProcessId, Array.ConvertAll(own, h => (int)h.DangerousGetHandle()));
}
