using System.Text;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Files;

/// <summary>The unix sockets of a dump. The kernel is asked for all of them once; what waits in them, and whether each other end is in the tree, is for when all descriptors are dumped.</summary>
internal sealed partial class UnixSocketDump(DumpContext context) : IDumpStages
{
    private const string AcceptFirst = "Let the connections be accepted, then dump again";

    private readonly Dictionary<uint, (OpenFile File, UnixSocketInfo Info)> dumped = [];
    private readonly Dictionary<uint, uint> waiting = [];           // a socket that was not accepted yet, and the listener
    private readonly HashSet<uint> outside = [];
    private Dictionary<uint, UnixSocketInfo>? all;

    public FileEntry Dump(OpenFile file, uint id)
    {
        var info = Find(file);
        RefuseUnaccepted(file, info);
        using var socket = file.Fetch();
        var entry = new UnixSkEntry
        {
            Id = id, Ino = info.Inode, Type = (uint)info.Type, State = (uint)info.State, Flags = file.Flags, Uflags = 0,
            Backlog = info.State == SocketStates.LISTEN ? info.SendQueue : 0, Peer = waiting.GetValueOrDefault(info.Inode, info.Peer ?? 0), Fown = file.ReadOwner(),
            Opts = SocketOptions.Read(socket, file.ToString()), Name = ByteString.CopyFrom(info.Name), NsId = file.Task.Ids.NetNsId,
        };
        if (info.Shutdown != 0)
            entry.Shutdown = (SkShutdown)info.Shutdown;
        if (IsLeftOutside(info))
            entry.Uflags = UnixSocketFlags.Inherited;
        if (IsOfRequest(info))
            (entry.Uflags, entry.State, entry.Peer) = (UnixSocketFlags.OfRequest, SocketStates.CLOSE, 0);
        if (UnixName.IsPath(info.Name))
            TakePath(file, info, entry);
        WarnOfLosses(file, socket);
        dumped[info.Inode] = (file, info);
        if (HasQueue(info))
            unread.Enqueue((file, info, id));
        return new FileEntry { Type = FdTypes.Unixsk, Id = id, Usk = entry };
    }

    private UnixSocketInfo Find(OpenFile file)
    {
        if (all == null)
        {
            all = UnixDiagCall.ReadAll();
            foreach (var socket in all.Values)
                foreach (uint other in socket.Waiting)
                    waiting[other] = socket.Inode;
        }
        return all.TryGetValue((uint)file.Stat.Inode, out var info) ? info : throw context.Refuse(file.Task, $"{file} is a unix socket of another network namespace");
    }

    private void RefuseUnaccepted(OpenFile file, UnixSocketInfo info)
    {
        if (waiting.ContainsKey(info.Inode) && info.SendQueue > 0)
            throw new CheckpointException($"{file} has written to a unix socket that did not accept it yet: what is under way cannot be read", AcceptFirst);
    }

    /// <summary>--external unix[INODE], of this end or the other.</summary>
    private bool IsLeftOutside(UnixSocketInfo info) =>
        info.Type != Sockets.SOCK_DGRAM && context.Options.External.Any(e => e == $"unix[{info.Inode}]" || info.Peer is > 0 and var peer && e == $"unix[{peer}]");

    /// <summary>The other end of the socket that this dump was asked for on.</summary>
    private bool IsOfRequest(UnixSocketInfo info) => info.Peer is > 0 and var peer && peer == context.Options.RequestSocket;

    private void WarnOfLosses(OpenFile file, Microsoft.Win32.SafeHandles.SafeFileHandle socket)
    {
        if (SocketOptions.ReadInt(socket, So.PEEK_OFF) >= 0)
            context.Log.LogWarning("SO_PEEK_OFF of {Socket} has no place in the images and is not restored", file);
        if (SocketOptions.IsSet(socket, So.PASSPIDFD))
            context.Log.LogWarning("SO_PASSPIDFD of {Socket} has no place in the images and is not restored", file);
        if (SocketOptions.IsCleared(socket, So.PASSRIGHTS))
            context.Log.LogWarning("{Socket} takes no descriptors (SO_PASSRIGHTS): this has no place in the images, and it will", file);
    }

    /// <summary>
    /// The file must still be where the name leads, seen by the process; a relative name leads on from the directory that the process was in when it bound it, most often
    /// its working directory.
    /// </summary>
    private void TakePath(OpenFile file, UnixSocketInfo info, UnixSkEntry entry)
    {
        var task = file.Task;
        byte[] path = UnixName.PathOf(info.Name).ToArray();
        bool isRelative = UnixName.IsRelative(info.Name);
        string link = isRelative ? "cwd" : "root";
        if (!task.Proc.TryReadLink(Encoding.ASCII.GetBytes(link), out var start) || !isRelative && !start.Is("/"u8))
            throw context.Refuse(task, $"{file} is {UnixName.Show(info.Name)} below another root directory");
        byte[] reached = [.. Encoding.ASCII.GetBytes(link), (byte)'/', .. path, 0];
        if (!OpenFile.TryStat(task.Proc.Fd, reached, out var stat) || !IsFileOf(info, stat))
        {
            if (isRelative && TryFindDirectory(file, info, path, out var directory, out stat))
                start = directory;
            else
                entry.Deleted = true;                   // unlinked, or renamed
        }
        if (isRelative)
            entry.NameDir = ByteString.CopyFrom(start.Span);
        if (!entry.Deleted)
            entry.FilePerms = new FilePermsEntry { Mode = stat.Mode, Uid = stat.Uid, Gid = stat.Gid };
    }

    /// <summary>SIOCUNIXFILE opens the file itself: where that ends with the name, the rest is the directory.</summary>
    private static bool TryFindDirectory(OpenFile file, UnixSocketInfo info, byte[] path, out KernelPath directory, out Stat stat)
    {
        (directory, stat) = (default, default);
        using var socket = file.Fetch();
        long opened = Kernel.Call(Nr.ioctl, socket.Fd(), Sockets.SIOCUNIXFILE);
        if (Kernel.Failed(opened))
            return false;
        using var own = Kernel.Own(opened);
        byte[] whole = Encoding.UTF8.GetBytes(Directory.ResolveLinkTarget($"/proc/self/fd/{opened}", returnFinalTarget: false)?.FullName ?? "");
        if (!whole.AsSpan().EndsWith((byte[])[(byte)'/', .. path]) || !OpenFile.TryStat(Fcntl.AT_FDCWD, [.. whole, 0], out stat) || !IsFileOf(info, stat))
            return false;
        directory = new KernelPath(whole.AsSpan(0, Math.Max(whole.Length - path.Length - 1, 1)));
        return true;
    }

    private static bool IsFileOf(UnixSocketInfo info, Stat stat) =>
        info.File is { } file && stat.Kind == Stat.S_IFSOCK && (uint)stat.Inode == file.Inode && KernelDevice.FromStat(stat.Device) == file.Device;

    /// <summary>What waits in them may hold descriptions that nobody has by a number: those are dumped first.</summary>
    public void CheckDescriptors()
    {
        DumpQueues();
        CheckPeers();
    }

    /// <summary>Other ends must be in the tree; one that is meant by name must have one.</summary>
    private void CheckPeers()
    {
        foreach (var (inode, (file, info)) in dumped)
        {
            CheckWaiting(file, info);
            if (info.Peer is not (> 0 and var peer) || IsLeftOutside(info) || IsOfRequest(info))
                continue;
            if (!dumped.TryGetValue(peer, out var other))
            {
                LeaveOutside(file, info, peer);
                continue;
            }
            if (other.Info.Peer != inode && (other.Info.Name.Length == 0 || hasData.Contains(inode) && info.Name.Length == 0))
                throw context.Refuse(file.Task, $"{file} sends to {other.File}, which does not send back, and has no name to be found by");
        }
    }

    /// <summary>Who waits to be accepted, and who is to accept, are both in the tree.</summary>
    private void CheckWaiting(OpenFile file, UnixSocketInfo info)
    {
        foreach (uint other in info.Waiting)
            if (!dumped.ContainsKey(other))
                throw new CheckpointException($"{file} listens, {UnixName.Show(info.Name)}, and {(other == 0 ? "a connection that was closed" : $"the socket {other}, which is outside the tree,")} waits there to be accepted", AcceptFirst);
        if (waiting.TryGetValue(info.Inode, out uint listener) && !dumped.ContainsKey(listener))
            throw new CheckpointException($"{file} has connected to a unix socket outside the tree{Whose(listener)} that did not accept it yet", AcceptFirst);
    }

    /// <summary>A socket that sends datagrams to a name outside, such as that of a system's log, finds it again by that name.</summary>
    private void LeaveOutside(OpenFile file, UnixSocketInfo info, uint peer)
    {
        bool mayBe = context.Options.ExternalUnixSockets || context.Options.External.Contains($"unix[{peer}]") || context.Options.External.Contains($"unix[{info.Inode}]");
        bool hasName = all!.TryGetValue(peer, out var other) && other.Name.Length > 0;
        if (info.Type != Sockets.SOCK_DGRAM || !hasName)
            throw new CheckpointException($"{file} is connected to the unix socket {peer}{Whose(peer)}, which is outside the tree",
                $"Dump a tree that holds both ends, or close one; or leave it outside by --external unix[{info.Inode}], and give the restore another with --inherit-fd fd[N]:socket:[{info.Inode}]");
        if (!mayBe)
            throw new CheckpointException($"{file} sends to the unix socket {peer}{Whose(peer)}, which is outside the tree",
                $"Add --ext-unix-sk, or --external unix[{peer}], to dump and restore: it is looked for by its name then");
        if (outside.Add(peer))
        {
            var entry = OfOutside(other!, context.Files.NewId());
            context.Writer(ImageKind.Files).Write(new FileEntry { Type = FdTypes.Unixsk, Id = entry.Id, Usk = entry });
        }
    }

    private UnixSkEntry OfOutside(UnixSocketInfo info, uint id)
    {
        var entry = new UnixSkEntry
        {
            Id = id, Ino = info.Inode, Type = (uint)info.Type, State = SocketStates.LISTEN, Flags = 0, Uflags = UnixSocketFlags.Outside, Backlog = 0, Peer = 0,
            Fown = new FownEntry { Uid = 0, Euid = 0, Signum = 0, PidType = 0, Pid = 0 }, Name = ByteString.CopyFrom(info.Name),
            Opts = new SkOptsEntry { SoSndbuf = 0, SoRcvbuf = 0, SoSndTmoSec = 0, SoSndTmoUsec = 0, SoRcvTmoSec = 0, SoRcvTmoUsec = 0 },
        };
        return UnixName.IsRelative(info.Name)
            ? throw new CheckpointException($"the unix socket {info.Inode}{Whose(info.Inode)} is outside the tree and bound to a relative path, by which it cannot be found again",
                "Close the socket that sends to it")
            : entry;
    }

    private string Whose(uint inode) => all!.TryGetValue(inode, out var info) && info.Name.Length > 0 ? $" ({UnixName.Show(info.Name)})" : "";
}
