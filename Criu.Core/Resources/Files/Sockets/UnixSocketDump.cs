using System.Text;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Files;

/// <summary>The unix sockets of a dump. The kernel is asked for all of them once; whether each other end is in the tree is known when all descriptors are dumped.</summary>
internal sealed class UnixSocketDump(DumpContext context)
{
    private const uint StreamPiece = 64 << 10;          // bytes: so much of a stream is in one entry

    private readonly Dictionary<uint, (OpenFile File, UnixSocketInfo Info, bool HasData)> dumped = [];
    private readonly HashSet<uint> waiting = [];
    private Dictionary<uint, UnixSocketInfo>? all;

    public FileEntry Dump(OpenFile file, uint id)
    {
        var info = Find(file);
        RefuseInFlight(file, info);
        using var socket = file.Fetch();
        var entry = new UnixSkEntry
        {
            Id = id, Ino = info.Inode, Type = (uint)info.Type, State = (uint)info.State, Flags = file.Flags, Uflags = 0,
            Backlog = info.State == SocketStates.LISTEN ? info.SendQueue : 0, Peer = info.Peer ?? 0, Fown = file.ReadOwner(),
            Opts = SocketOptions.Read(socket, file.ToString()), Name = ByteString.CopyFrom(info.Name), NsId = file.Task.Ids.NetNsId,
        };
        if (info.Shutdown != 0)
            entry.Shutdown = (SkShutdown)info.Shutdown;
        if (UnixName.IsPath(info.Name))
            TakePath(file, info, entry);
        WarnOfLosses(file, socket);
        dumped[info.Inode] = (file, info, DumpQueue(file, info, id));
        return new FileEntry { Type = FdTypes.Unixsk, Id = id, Usk = entry };
    }

    private UnixSocketInfo Find(OpenFile file)
    {
        if (all == null)
        {
            all = UnixDiagCall.ReadAll();
            foreach (var socket in all.Values)
                waiting.UnionWith(socket.Waiting);
        }
        return all.TryGetValue((uint)file.Stat.Inode, out var info) ? info : throw context.Refuse(file.Task, $"{file} is a unix socket of another network namespace");
    }

    private void RefuseInFlight(OpenFile file, UnixSocketInfo info)
    {
        const string Cure = "Let the connections be accepted, then dump again";
        if (info.State == SocketStates.LISTEN && info.ReceiveQueue > 0)
            throw new CheckpointException($"{file} listens, {UnixName.Show(info.Name)}, and {info.ReceiveQueue} connections wait there to be accepted; this is not supported yet", Cure);
        if (waiting.Contains(info.Inode))
            throw new CheckpointException($"{file} has connected to a unix socket that did not accept it yet; this is not supported yet", Cure);
        if (file.Info.QueuedDescriptors > 0)
            throw new CheckpointException($"{file.Info.QueuedDescriptors} descriptors wait in {file} (SCM_RIGHTS); this is not supported yet", "Let them be received, then dump again");
    }

    private void WarnOfLosses(OpenFile file, Microsoft.Win32.SafeHandles.SafeFileHandle socket)
    {
        if (SocketOptions.ReadInt(socket, Sockets.SO_PEEK_OFF) >= 0)
            context.Log.LogWarning("SO_PEEK_OFF of {Socket} has no place in the images and is not restored", file);
        if (SocketOptions.IsSet(socket, Sockets.SO_PASSPIDFD))
            context.Log.LogWarning("SO_PASSPIDFD of {Socket} has no place in the images and is not restored", file);
    }

    /// <summary>Nothing waits in a listener, nor in what was never connected; the kernel would answer EINVAL and ENOTCONN.</summary>
    private bool DumpQueue(OpenFile file, UnixSocketInfo info, uint id)
    {
        if (info.State == SocketStates.LISTEN || info.State == SocketStates.CLOSE && info.Type != Sockets.SOCK_DGRAM)
            return false;
        var pieces = UnixSocketQueue.Read(file, info);
        foreach (byte[] piece in pieces)
            for (int at = 0; at == 0 || at < piece.Length; at += (int)StreamPiece)
            {
                int length = info.Type == Sockets.SOCK_STREAM ? Math.Min(piece.Length - at, (int)StreamPiece) : piece.Length;
                var writer = context.Writer(ImageKind.SkQueues);
                writer.Write(new SkPacketEntry { IdFor = id, Length = (uint)length });
                writer.WritePayload(piece.AsSpan(at, length));
                if (info.Type != Sockets.SOCK_STREAM)
                    break;
            }
        return pieces.Count > 0;
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
            if (!isRelative || !TryFindDirectory(file, info, path, out start, out stat))
                throw context.Refuse(task, $"{file} is {UnixName.Show(info.Name)}, which was unlinked or renamed");
        }
        if (isRelative)
            entry.NameDir = ByteString.CopyFrom(start.Span);
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

    /// <summary>Other ends must be in the tree; one that is meant by name must have one.</summary>
    public void CheckPeers()
    {
        foreach (var (inode, (file, info, hasData)) in dumped)
        {
            if (info.Peer is not (> 0 and var peer))
                continue;
            if (!dumped.TryGetValue(peer, out var other))
                throw new CheckpointException($"{file} is connected to the unix socket {peer}{Whose(peer)}, which is outside the tree",
                    $"Dump a tree that holds both ends, or close one: to leave it out by --external unix[{peer}] is not supported yet");
            if (other.Info.Peer != inode && (other.Info.Name.Length == 0 || hasData && info.Name.Length == 0))
                throw context.Refuse(file.Task, $"{file} sends to {other.File}, which does not send back, and has no name to be found by");
        }
    }

    private string Whose(uint inode) => all!.TryGetValue(inode, out var info) && info.Name.Length > 0 ? $" ({UnixName.Show(info.Name)})" : "";
}
