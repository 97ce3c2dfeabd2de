using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Makes the unix sockets of one group, in this order:
///   1. those that stand alone, and listeners, which the accepted ones need;
///   2. pairs, with what waits in them, written by the other end; one whose other end is closed gets one for as long;
///   3. those that wait to be accepted;
///   4. what waits in a datagram socket that stands alone, then where it sends to: from then on it takes nothing from others;
///   5. options, shutdown, sizes of buffers, flags.
/// Where descriptors wait, what they are sent by is made as above; they are sent, and 4 and 5 come, when all files of the tree are there.
/// A socket that was accepted has its listener's name, which nobody can bind twice: it is accepted again.
/// </summary>
internal sealed partial class UnixSocketMaking
{
    private const string Damaged = "The image directory is damaged: take another dump";

    private readonly FileMaking making;
    private readonly BatchStream stream;
    private readonly List<UnixSkEntry> sockets = [];
    private readonly Dictionary<uint, UnixSkEntry> byInode = [];
    private readonly Dictionary<string, (int Count, UnixSkEntry? Listener)> names = [];
    private readonly HashSet<uint> enlarged = [];       // whose buffer for sending was
    private readonly List<Action> unfilled = [];        // pairs in which descriptors wait

    public UnixSocketMaking(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        (this.making, stream) = (making, making.Stream);
        foreach (var file in group)
        {
            if (making.TryInherit(file.Id, $"socket:[{file.Usk.Ino}]"))
                continue;
            sockets.Add(file.Usk);
            byInode[file.Usk.Ino] = file.Usk;
        }
        foreach (var socket in sockets)
        {
            string key = UnixSocketGroups.NameKey(socket);
            var (count, listener) = names.GetValueOrDefault(key);
            names[key] = (count + 1, socket.State == SocketStates.LISTEN ? socket : listener);
        }
    }

    public void Run()
    {
        foreach (var socket in sockets)
            Check(socket);
        foreach (var socket in sockets)
            if (IsAlone(socket))
                MakeAlone(socket);
        foreach (var socket in sockets)
            if (PeerOf(socket) is { } peer ? socket.Ino < peer.Ino : !IsAlone(socket) && !IsWaiting(socket))
                MakePair(socket, PeerOf(socket));
        foreach (var socket in sockets)
            if (IsWaiting(socket))
                MakeWaiting(socket);
        List<uint> rights = [.. sockets.SelectMany(RightsOf).Distinct()];
        if (rights.Count == 0)
            Complete();
        else
            making.SendLater(rights, Complete);
    }

    private IEnumerable<uint> RightsOf(UnixSkEntry socket) => making.SocketQueue(socket.Id).SelectMany(m => m.Rights);

    private void Complete()
    {
        foreach (var fill in unfilled)
            fill();
        foreach (var socket in sockets)
            if (IsAlone(socket))
                FillAlone(socket);
        foreach (var socket in sockets)
            if (IsAlone(socket) && socket.Peer != 0)
                Connect(socket);
        foreach (var socket in sockets)
            if (socket.Deleted)
                Unlink(socket);
        RemoveDirectories();
        if (sockets.Exists(s => s.Deleted))
            stream.Run();                               // others may want the same places for a while
        foreach (var socket in sockets)
            Finish(socket);
    }

    private static bool IsDatagram(UnixSkEntry socket) => socket.Type == Sockets.SOCK_DGRAM;

    /// <summary>The other end of a pair that is each other's; null for whatever has none.</summary>
    private UnixSkEntry? PeerOf(UnixSkEntry socket) =>
        socket.Peer != 0 && byInode.TryGetValue(socket.Peer, out var peer) && peer.Peer == socket.Ino && peer != socket ? peer : null;

    /// <summary>
    /// Made by socket(2). A datagram socket with a name is "established" as soon as another sends to it; one without a name is only by socketpair(2), its other end being
    /// closed.
    /// </summary>
    private bool IsAlone(UnixSkEntry socket) =>
        !IsOfRequest(socket) && PeerOf(socket) == null && (socket.State != SocketStates.ESTABLISHED || IsDatagram(socket) && (!socket.Name.IsEmpty || socket.Peer != 0));

    /// <summary>Has connected, and is not accepted yet: its other end is not there, its peer is the listener.</summary>
    private bool IsWaiting(UnixSkEntry socket) => !IsDatagram(socket) && socket.Peer != 0 && byInode.TryGetValue(socket.Peer, out var peer) && peer.State == SocketStates.LISTEN;

    private void MakeWaiting(UnixSkEntry socket)
    {
        MakeSocket(socket, making.PlaceOf(socket.Id));
        Bind(socket, making.PlaceOf(socket.Id));
        Connect(making.PlaceOf(socket.Id), byInode[socket.Peer]);
    }

    private bool IsAccepted(UnixSkEntry socket) => !IsDatagram(socket) && !socket.Name.IsEmpty && names[UnixSocketGroups.NameKey(socket)].Count > 1;

    private void Check(UnixSkEntry socket)
    {
        if ((socket.Uflags & UnixSocketFlags.Inherited) != 0)
            throw Refuse(socket, "was left outside at the dump", $"Give another with --inherit-fd fd[N]:socket:[{socket.Ino}]");
        if ((socket.Uflags & ~UnixSocketFlags.OfRequest) != 0)
            throw Refuse(socket, $"has the flags {socket.Uflags:x}, which is not supported yet");
        if (socket.Peer == 0)
            return;
        if (Outside(socket) is { } outside)
        {
            var options = making.Task.Context.Options;
            if (!options.ExternalUnixSockets && !options.External.Contains($"unix[{outside.Ino}]") && !options.External.Contains($"unix[{socket.Ino}]"))
                throw Refuse(socket, $"sends to a socket outside the tree, {UnixName.Show(outside.Name.Span)}", "Add --ext-unix-sk");
            return;
        }
        if (!byInode.TryGetValue(socket.Peer, out var peer))
            throw Refuse(socket, $"has the peer {socket.Peer}, which the images do not have", Damaged);
        if (!IsDatagram(socket) && PeerOf(socket) == null && !IsWaiting(socket))
            throw Refuse(socket, $"has the peer {socket.Peer}, which has another one", Damaged);
        if (IsDatagram(socket) && PeerOf(socket) == null && peer.Name.IsEmpty)
            throw Refuse(socket, "sends to a socket without a name; restoring that is not supported yet");
    }

    private CheckpointException Refuse(UnixSkEntry socket, string what, string? advice = null) =>
        new($"the unix socket {socket.Ino} of {making.Task}, {UnixName.Show(socket.Name.Span)}, {what}", advice);

    private void MakeAlone(UnixSkEntry socket)
    {
        MakeSocket(socket, making.PlaceOf(socket.Id));
        Bind(socket, making.PlaceOf(socket.Id));
        if (socket.State == SocketStates.LISTEN)
            stream.Room(1).Call(Nr.listen, making.PlaceOf(socket.Id), socket.Backlog);
    }

    private void MakeSocket(UnixSkEntry like, int number)
    {
        var batch = stream.Room(3);
        var fd = batch.Call(Nr.socket, Sockets.AF_UNIX, like.Type, 0L);
        batch.Call(Nr.dup3, fd, number, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, fd);
    }

    /// <param name="socket">One end.</param>
    /// <param name="peer">The other; null: it is closed.</param>
    private void MakePair(UnixSkEntry socket, UnixSkEntry? peer)
    {
        bool waits = RightsOf(socket).Any() || peer != null && RightsOf(peer).Any();
        int one = making.PlaceOf(socket.Id), other = peer != null ? making.PlaceOf(peer.Id) : waits ? making.SenderPlaceOf(socket.Id) : making.SpareDescriptor;
        if (IsAccepted(socket))
            Accept(socket, one, peer, other);
        else if (peer != null && IsAccepted(peer))
            Accept(peer, other, socket, one);
        else
        {
            SocketPair(socket, one, other);
            Bind(socket, one);
            if (peer != null)
                Bind(peer, other);
        }
        if (waits)
            unfilled.Add(() => FillPair(socket, one, peer, other));
        else
            FillPair(socket, one, peer, other);
    }

    private void FillPair(UnixSkEntry socket, int one, UnixSkEntry? peer, int other)
    {
        Fill(socket, one, peer, other);
        if (IsOfRequest(socket))
            Answer(other);
        if (peer != null)
            Fill(peer, other, socket, one);
        else
            stream.Room(1).Call(Nr.close, other);
    }

    private static bool IsOfRequest(UnixSkEntry socket) => (socket.Uflags & UnixSocketFlags.OfRequest) != 0;

    /// <summary>Whoever asked for the dump of itself reads that it was restored, and then the end.</summary>
    private void Answer(int other)
    {
        byte[] answer = new Rpc.Proto.CriuResp { Type = Rpc.Proto.CriuReqType.Dump, Success = true, Dump = new Rpc.Proto.CriuDumpResp { Restored = true } }.ToByteArray();
        var batch = stream.Room(1, answer.Length + 16);
        batch.Call(Nr.sendto, other, batch.Bytes(answer), answer.Length, (long)Sockets.MSG_NOSIGNAL, 0L, 0L);
    }

    private void SocketPair(UnixSkEntry like, int one, int other)
    {
        var batch = stream.Room(10, 32);
        long pair = batch.NewArray<int>(2).Remote;
        batch.Call(Nr.socketpair, Sockets.AF_UNIX, like.Type, 0L, pair);
        foreach (var (end, number) in ((long, int)[])[(pair, one), (pair + sizeof(int), other)])
        {
            batch.CallWith(Syscall.Dup3, 0, end, 0L, number, Fcntl.O_CLOEXEC);
            batch.CallWith(Syscall.Close, 0, end, 0L);
        }
    }

    /// <summary>By its listener; where that is closed, by one that is there for a moment.</summary>
    private void Accept(UnixSkEntry accepted, int number, UnixSkEntry? connector, int connectorNumber)
    {
        var listener = names[UnixSocketGroups.NameKey(accepted)].Listener;
        int listenerNumber = listener != null ? making.PlaceOf(listener.Id) : making.LinkDescriptor;
        if (listener == null)
        {
            MakeSocket(accepted, listenerNumber);
            Bind(accepted, listenerNumber);
            stream.Room(1).Call(Nr.listen, listenerNumber, 1L);
        }
        MakeSocket(accepted, connectorNumber);
        if (connector != null)
            Bind(connector, connectorNumber);
        Connect(connectorNumber, listener ?? accepted);
        var batch = stream.Room(4);
        var fd = batch.Call(Nr.accept4, listenerNumber, 0L, 0L, 0L);
        batch.Call(Nr.dup3, fd, number, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, fd);
        if (listener == null)
            batch.Call(Nr.close, listenerNumber);
    }

    private void Connect(UnixSkEntry socket) => Connect(making.PlaceOf(socket.Id), Outside(socket) ?? byInode[socket.Peer]);

    /// <summary>The socket outside the tree that it sends to, where it does.</summary>
    private UnixSkEntry? Outside(UnixSkEntry socket) => making.Task.Context.UnixSockets.Outside(socket.Peer);

    private void Finish(UnixSkEntry socket)
    {
        int number = making.PlaceOf(socket.Id);
        SocketOptions.Restore(stream, number, socket.Opts, FreshOptions((int)socket.Type), setsBuffers: enlarged.Contains(socket.Id));
        var batch = stream.Room(4, 32);
        if (socket.HasShutdown && socket.Shutdown != SkShutdown.None)
            batch.Call(Nr.shutdown, number, (long)socket.Shutdown - 1);
        if ((socket.Flags & ~(uint)Fcntl.O_ACCMODE) != 0)
            batch.Call(Nr.fcntl, number, Fcntl.F_SETFL, socket.Flags & ~(uint)Fcntl.O_ACCMODE);
        making.Own(batch, socket.Id, socket.Fown);
    }

    private static SkOptsEntry FreshOptions(int type)
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_UNIX, type | Sockets.SOCK_CLOEXEC, 0);
        if (Kernel.Failed(fd))
            throw new CheckpointException($"no unix socket can be made: {Errno.Name(fd)}");
        using var socket = Kernel.Own(fd);
        return SocketOptions.Read(socket, "a fresh socket");
    }
}
