using System.Net;
using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Criu.Soccr;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// The inet sockets of a restore, in this order, for all processes together:
///   1. each process makes its bare sockets, and the engine fetches them;
///   2. what is not TCP is bound, filled and connected, and has its options;
///   3. TCP: sockets that listen or are bound first, then connections, in repair mode; nothing is sent;
///   4. when everything else of the tree is there: repair mode ends, and options that stood in the way have their values;
///   5. the traffic passes as the tree is let go, in one batch: <see cref="ConnectionRelease"/>.
/// </summary>
internal sealed class InetSocketRestore(RestoreContext context) : IRestoreStages
{
    private readonly List<RestoredSocket> sockets = [];
    private readonly List<RestoredSocket> tcp = [];
    private readonly NetworkUnlock networkLock = new(context);
    private List<TcpConnectionState> states = [];       // of each in tcp
    private RestoredConnections? connections;
    private bool datagramsWait;                         // in any of them: senders are made for them, which may have addresses of others
    private ConnectionRelease? release;                 // how connections go on together with the tree; null where there are none

    /// <summary>A bare socket that a process makes.</summary>
    public void Add(InetSkEntry entry, RestoreTask maker, int descriptor)
    {
        bool isKnown = entry.Type is Sockets.SOCK_DGRAM or Sockets.SOCK_RAW || entry is { Type: Sockets.SOCK_STREAM, Proto: Inet.IPPROTO_TCP };
        if (!isKnown || entry.Family is not (Sockets.AF_INET or Sockets.AF_INET6))
            throw new CheckpointException($"the inet socket {entry.Ino} is of family {entry.Family}, type {entry.Type}, protocol {entry.Proto}, which no dump can hold",
                "The image is damaged: take another dump");
        var socket = new RestoredSocket(entry, maker, descriptor);
        if (socket.HadConnection && !context.Options.TcpEstablished && !IsClosing)
            throw new CheckpointException($"{maker} has a TCP connection: {InetEnds.Local(entry)} -> {InetEnds.Remote(entry)}",
                "Add --tcp-established to restore it, or --tcp-close to make its socket without it");
        sockets.Add(socket);
    }

    private bool IsClosing => context.Options.TcpClose || context.Inventory.TcpClose;

    /// <summary>The processes have made their bare sockets.</summary>
    public void AfterMaking(StageCalls listeners)
    {
        if (sockets.Count == 0)
            return;
        datagramsWait = sockets.Exists(s => context.Of<SocketQueueRestore>().Of(s.Entry.Id).Count > 0);
        FetchAll();
        Lend();
        foreach (var socket in sockets)
            if (!socket.IsTcp)
                new PlainSocketMaking(socket, socket.Lent, context.Of<SocketQueueRestore>().Of(socket.Entry.Id), context.Log).Run();
        MakeTcp();
    }

    private void FetchAll()
    {
        foreach (var group in sockets.GroupBy(s => s.Maker))
        {
            using var process = Kernel.Own(Check(Kernel.Call(Nr.pidfd_open, group.Key.Pid), group.Key, "pidfd_open"));
            foreach (var socket in group)
                socket.Handle = Kernel.Own(Check(Kernel.Call(Nr.pidfd_getfd, process.Fd(), socket.Descriptor), group.Key, "pidfd_getfd of a socket"));
        }
    }

    private static long Check(long result, RestoreTask task, string step) => Kernel.Failed(result)
        ? throw new CheckpointException($"{step} of {task} failed: {Errno.Name(result)}", result == -Errno.EMFILE ? "Raise our limit of open files (ulimit -n)" : null) : result;

    /// <summary>
    /// What a socket must have to be bound again, though it may have been without since: sockets of one port are willing to share it; the address of IPv6 may still be tentative;
    /// a TCP port may have connections; and what waits for one datagram socket may have been sent by another, whose address it is sent from again. In the end each has its own
    /// values: <see cref="PutBack"/>.
    /// </summary>
    private void Lend()
    {
        var bound = sockets.Where(s => s.Entry.SrcPort != 0 && !s.HadConnection).ToLookup(s => (s.Entry.Type, s.Entry.Proto, s.Entry.SrcPort));
        foreach (var port in bound)
            foreach (var socket in port)
                socket.Lent = ForBinding(socket, isShared: port.Count() > 1);
    }

    private List<SocketOptionEntry> ForBinding(RestoredSocket socket, bool isShared)
    {
        var options = new List<SocketOptionEntry>();
        if ((isShared || socket.IsTcp || socket.Entry.Type == Sockets.SOCK_DGRAM && datagramsWait) && !socket.Entry.Opts.Reuseaddr)
            options.Add(InetOptions.Number(Sockets.SOL_SOCKET, So.REUSEADDR, 1));
        if (isShared && socket.IsTcp && !socket.Entry.Opts.SoReuseport)
            options.Add(InetOptions.Number(Sockets.SOL_SOCKET, So.REUSEPORT, 1));
        if (socket.Entry is { Family: Sockets.AF_INET6, Type: not Sockets.SOCK_RAW } && !InetOptions.Wanted(socket.Entry).Any(o => o is { Level: Inet.IPPROTO_IPV6, Number: Ipv6.FREEBIND }))
            options.Add(InetOptions.Number(Inet.IPPROTO_IPV6, Ipv6.FREEBIND, 1));
        return options;
    }

    private static void PutBack(RestoredSocket socket)
    {
        foreach (var option in socket.Lent)
            SocketCall.Set(socket.Handle!, (int)option.Level, (int)option.Number, 0);
    }

    private void MakeTcp()
    {
        foreach (var socket in sockets)
            if (socket.IsTcp && socket.HadConnection && IsClosing)
                MakeClosed(socket);
            else if (socket.IsTcp)
                tcp.Add(socket);
        tcp.Sort((a, b) => a.HadConnection.CompareTo(b.HadConnection));
        states = tcp.ConvertAll(StateOf);
        var flows = states.Where(s => s.Flow != null).Select(s => s.Flow!.Value).ToArray();
        try
        {
            if (flows.Length > 0)
                networkLock.Hold(flows, (release = new ConnectionRelease(context.Guard!)).Pledge);
            connections = TcpConnection.RestoreAllOnto(states, tcp.ConvertAll(s => (SafeHandle)s.Handle!), new SoccrOptions { Lock = networkLock }, TcpDump.Workers(states.Count));
        }
        catch (SoccrException e)
        {
            throw new CheckpointException(e.Message);
        }
    }

    /// <summary>As a socket whose connection is over: nothing comes any more, and nothing can be written.</summary>
    private void MakeClosed(RestoredSocket socket)
    {
        const int Both = 2;                             // SHUT_RDWR, which answers ENOTCONN and works
        PlainSocketMaking.SetOptions(socket, InetOptions.Wanted(socket.Entry));
        PlainSocketMaking.SetBuffers(socket);
        SocketCall.Shutdown(socket.Handle!, Both);
        SocketCall.SetFlags(socket.Handle!, socket.Entry.Flags);
    }

    private TcpConnectionState StateOf(RestoredSocket socket)
    {
        if (!socket.HadConnection)
        {
            var state = TcpImages.ToState(socket.Entry);
            return state with { ReuseAddress = true, Options = [.. socket.Lent.Select(TcpImages.ToOption), .. state.Options] };
        }
        using var reader = context.Images.OpenImage(ImageKind.TcpStream, socket.Entry.Ino);
        if (!reader.TryRead(out TcpStreamEntry? stream))
            throw reader.Refuse("the entry is missing");
        byte[] received = reader.ReadPayload(stream.InqLen);
        return TcpImages.ToState(socket.Entry, stream, received, reader.ReadPayload(stream.OutqLen));
    }

    public Phase? BeforeLettingGo => new("connections", Resume);

    /// <summary>The tree is there: connections are on their own again, and held still.</summary>
    private void Resume()
    {
        if (connections == null)
            return;
        try
        {
            release?.PledgeSilence([.. tcp.Zip(states).Where(pair => pair.Second.Flow != null).Select(pair => ((SafeHandle)pair.First.Handle!, pair.Second))]);
            if (release != null)
                networkLock.Prepare(release);
            connections.ResumeInPlace();
        }
        catch (SoccrException e)
        {
            throw new CheckpointException(e.Message);
        }
        foreach (var socket in tcp)
            PlainSocketMaking.SetLast(socket);
        foreach (var socket in sockets)
            PutBack(socket);
    }

    public Pledge? Pledge => release?.Pledge;

    public IReadOnlyList<PledgedCall> LastCalls => release?.Calls ?? [];

    /// <summary>Where the guard could not let the traffic pass, it passes now, or it is said why not.</summary>
    public void AfterLettingGo()
    {
        try
        {
            networkLock.Remove();
        }
        catch (SoccrException e)
        {
            context.Log.LogError("The tree runs, but its connections are held still: {Reason}", e.Message);
        }
    }

    /// <summary>Of a restore that failed: in repair mode still, so they are closed without a word.</summary>
    public void Dispose()
    {
        connections?.Dispose();
        networkLock.Dispose();
        foreach (var socket in sockets)
            socket.Handle?.Dispose();
    }
}

/// <summary>An inet socket that a process has made.</summary>
internal sealed class RestoredSocket(InetSkEntry entry, RestoreTask maker, int descriptor)
{
    public InetSkEntry Entry => entry;
    public RestoreTask Maker => maker;
    public int Descriptor => descriptor;

    /// <summary>A descriptor of ours.</summary>
    public SafeFileHandle? Handle { get; set; }

    /// <summary>Options that it has only until it is bound, and all others too.</summary>
    public List<SocketOptionEntry> Lent { get; set; } = [];

    public bool IsTcp => entry.Type == Sockets.SOCK_STREAM;

    /// <summary>Also one that is over, as long as its socket knows the peer.</summary>
    public bool HadConnection => IsTcp && entry.DstPort != 0;

    public override string ToString() => $"the inet socket {entry.Ino} of {maker}";
}
