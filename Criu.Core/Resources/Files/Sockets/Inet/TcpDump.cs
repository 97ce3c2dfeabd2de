using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Criu.Soccr;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Files;

/// <summary>
/// The TCP sockets of a dump: saved together, when everything else is. Their traffic is held first; what undoes all this is pledged to the guard before. A tree that is killed
/// leaves its connections silently, and held; one that lives on gets them back.
/// </summary>
internal sealed class TcpDump(DumpContext context) : IDisposable
{
    private readonly List<TcpSocket> sockets = [];
    private NetworkLock? networkLock;
    private PausedConnections? paused;

    /// <summary>What the guard does should the engine end; null where nothing is paused.</summary>
    public Pledge? Pledge { get; private set; }

    /// <summary>How the traffic is held now; it is what the inventory tells whoever restores.</summary>
    public NetworkLockMethod HeldBy => networkLock?.Method ?? NetworkLockMethod.Iptables;

    public void Add(TcpSocket socket)
    {
        var (state, waiting) = Look(socket);
        if ((IsConnected(state) || HasPeer(socket)) && !context.Options.TcpEstablished && !context.Options.TcpClose)
            throw new CheckpointException($"{socket.File} is a TCP connection: {SocketCall.Name(socket.Handle, peer: false)} -> {socket.Peer} ({state})",
                "Add --tcp-established to save it, or --tcp-close to do without it");
        if (state == TcpState.Listen && !context.Options.SkipInFlight && waiting != 0)
            throw new CheckpointException($"{socket.File} listens at {SocketCall.Name(socket.Handle, peer: false)}, and {waiting} connections wait there to be accepted, which cannot be restored",
                "Let them be accepted, then dump again; or add --skip-in-flight to let them go");
        socket.Entry.TcpOpts = InetOptions.ReadTcp(socket.Handle);
        sockets.Add(socket);
    }

    /// <summary>The state, first byte of struct tcp_info; and tcpi_unacked, which of a listener is the number of connections that wait.</summary>
    private static (TcpState State, int Waiting) Look(TcpSocket socket)
    {
        const int Unacked = 24;                         // bytes before it
        Span<byte> info = stackalloc byte[Unacked + sizeof(int)];
        return SocketCall.Get(socket.Handle, Inet.IPPROTO_TCP, Tcp.INFO, info) == info.Length ? ((TcpState)info[0], BitConverter.ToInt32(info[Unacked..])) : default;
    }

    private static bool IsConnected(TcpState state) => state is not (TcpState.Close or TcpState.Listen);

    public void SaveAll(Guard guard)
    {
        if (sockets.Count == 0)
            return;
        var kept = sockets;
        if (context.Options.TcpClose)
        {
            kept = sockets.FindAll(s => !HasPeer(s));
            foreach (var socket in sockets.FindAll(HasPeer))
                WriteClosed(socket);
        }
        try
        {
            Hold(kept.FindAll(HasPeer), guard);
            var options = new SoccrOptions { Lock = networkLock, SkipInFlight = context.Options.SkipInFlight };
            paused = TcpConnection.PauseAllHandles([.. kept.Select(s => (SafeHandle)s.Handle)], options, Workers(kept.Count));
            var states = paused.Save();
            for (int i = 0; i < states.Length; i++)
                Write(kept[i].Entry, states[i]);
        }
        catch (SoccrException e)
        {
            throw new CheckpointException(e.Message, AdviceFor(e));
        }
    }

    /// <summary>All processors, where that is worth the threads.</summary>
    public static int Workers(int connections) => connections > 200 ? 0 : 1;

    private static string AdviceFor(SoccrException e) =>
        e.ErrorNumber is Errno.EPERM or Errno.EACCES ? "Run with CAP_NET_ADMIN, or leave the connections behind with --tcp-close" : "It runs on, nothing was changed";

    private static bool HasPeer(TcpSocket socket) => socket.Peer != null;

    /// <summary>Of a connection that is left behind the socket remains, and its options.</summary>
    private void WriteClosed(TcpSocket socket)
    {
        var entry = socket.Entry;
        entry.State = (uint)Look(socket).State;
        InetEnds.Write(entry, SocketCall.Name(socket.Handle, peer: false), socket.Peer);
        context.Writer(ImageKind.Files).Write(InetSocketDump.Wrap(entry));
    }

    private void Write(InetSkEntry entry, TcpConnectionState state)
    {
        TcpImages.Complete(entry, state);
        context.Writer(ImageKind.Files).Write(InetSocketDump.Wrap(entry));
        if (state.Remote == null)
            return;
        using var writer = context.Images.CreateImage(ImageKind.TcpStream, entry.Ino);
        writer.Write(TcpImages.ToStream(state));
        writer.WritePayload(state.ReceiveQueue.AsSpan());
        writer.WritePayload(state.SendQueue.AsSpan());
    }

    private void Hold(List<TcpSocket> connections, Guard guard)
    {
        if (connections.Count == 0)
            return;
        Pledge = guard.NewPledge();
        foreach (var group in connections.GroupBy(c => c.File.Holder.Pid))
        {
            TcpSocket[] theirs = [.. group];
            int[] copies = Pledge.Fetch(group.Key, Array.ConvertAll(theirs, c => c.File.Fd));
            Pledge.Add([.. theirs.Zip(copies).SelectMany(pair => Undo(pair.First, pair.Second))]);
        }
        networkLock = NetworkLock.Create(context.Options.NetworkLock, context.RunId, Pledge);
        context.Log.LogInformation("{Count} TCP connections are held by {Method}", connections.Count, networkLock.Method);
    }

    /// <summary>Repair mode clears SO_REUSEADDR at its end; the others were changed while it lasted.</summary>
    private static IEnumerable<PledgedCall> Undo(TcpSocket connection, int copy)
    {
        yield return PledgedCall.SetOption(copy, Inet.IPPROTO_TCP, Tcp.REPAIR, Tcp.REPAIR_OFF);
        if (connection.Entry.Opts.Reuseaddr)
            yield return PledgedCall.SetOption(copy, Sockets.SOL_SOCKET, So.REUSEADDR, 1);
        if (connection.Entry.Opts.SoKeepalive)
            yield return PledgedCall.SetOption(copy, Sockets.SOL_SOCKET, So.KEEPALIVE, 1);
        if (InetOptions.Value(connection.Handle, Sockets.SOL_SOCKET, So.PEEK_OFF) is >= 0 and var offset)
            yield return PledgedCall.SetOption(copy, Sockets.SOL_SOCKET, So.PEEK_OFF, offset);
    }

    /// <summary>The tree is killed, and we are the last to have its connections: they end without a word, and stay held.</summary>
    public void LeaveAll()
    {
        networkLock?.Keep();
        paused?.Leave();
        paused = null;
    }

    /// <summary>The tree lives on: the traffic passes again, then the connections go on.</summary>
    public void ResumeAll()
    {
        paused?.Resume();
        paused = null;
        networkLock?.Remove();
        Pledge?.Drop();
    }

    public void Dispose()
    {
        paused?.Dispose();
        networkLock?.Dispose();
        foreach (var socket in sockets)
            socket.Handle.Dispose();
    }
}
