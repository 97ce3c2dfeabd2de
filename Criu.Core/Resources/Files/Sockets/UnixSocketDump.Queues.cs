using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// What waits in the sockets, descriptors among it (SCM_RIGHTS of unix(7)). It is looked at when all processes have been dumped, so that a description which waits and is held too is the one that is
/// held. One that only waits is dumped like any other, by the copy that the look gave us; a socket that waits in a socket is looked at in its turn.
/// </summary>
internal sealed partial class UnixSocketDump
{
    private const int StreamPiece = 64 << 10;           // bytes: so much of a stream is in one entry

    private readonly Queue<(OpenFile File, UnixSocketInfo Info, uint Id)> unread = new();
    private readonly HashSet<uint> hasData = [];

    /// <summary>Nothing waits in a listener, nor in what was never connected; the kernel would answer EINVAL and ENOTCONN.</summary>
    private static bool HasQueue(UnixSocketInfo info) => info.State != SocketStates.LISTEN && (info.State != SocketStates.CLOSE || info.Type == Sockets.SOCK_DGRAM);

    private void DumpQueues()
    {
        while (unread.TryDequeue(out var socket))
        {
            context.Cancel.ThrowIfCancellationRequested();
            var messages = UnixSocketQueue.Read(socket.File, socket.Info);
            try
            {
                DumpQueue(socket.File, socket.Info, socket.Id, messages);
            }
            catch
            {
                messages.ForEach(m => m.Dispose());
                throw;
            }
        }
    }

    private void DumpQueue(OpenFile file, UnixSocketInfo info, uint id, List<WaitingMessage> messages)
    {
        int seen = messages.Sum(m => m.Descriptors.Count);
        if (seen < file.Info.QueuedDescriptors)
            throw new CheckpointException($"{file.Info.QueuedDescriptors} descriptors wait in {file} (SCM_RIGHTS), of which only {seen} can be looked at", "Let them be received, then dump again");
        if (messages.Count > 0)
            hasData.Add(info.Inode);
        int before = 0;                                 // descriptors
        foreach (var message in messages)
        {
            var entry = new SkPacketEntry { IdFor = id };
            if (message.Sender is { } sender)
                entry.Credentials = new PacketSenderEntry { Pid = sender.Process, Uid = sender.User, Gid = sender.Group };
            if (message.Descriptors.Count > 0)
                entry.Scm.Add(DumpRights(file, message, ref before));
            Write(entry, message.Data, isStream: info.Type == Sockets.SOCK_STREAM);
        }
    }

    /// <summary>What descriptors were sent with is one entry, as it is one piece of the stream.</summary>
    private void Write(SkPacketEntry entry, byte[] data, bool isStream)
    {
        int most = isStream && entry.Scm.Count == 0 ? StreamPiece : int.MaxValue;
        for (int at = 0; at == 0 || at < data.Length;)
        {
            int length = Math.Min(data.Length - at, most);
            entry.Length = (uint)length;
            var writer = context.Writer(ImageKind.SkQueues);
            writer.Write(entry);
            writer.WritePayload(data.AsSpan(at, length));
            at += Math.Max(length, 1);
        }
    }

    private ScmEntry DumpRights(OpenFile socket, WaitingMessage message, ref int before)
    {
        var rights = new ScmEntry { Type = Sockets.SCM_RIGHTS };
        foreach (var copy in message.Descriptors)
        {
            var waiting = new WaitingDescriptor(socket, ++before, copy, context.OwnProc);
            var file = OpenFile.TryRead(socket.Task, waiting, context.Text) ?? throw new CheckpointException($"{waiting} in {socket} cannot be read from our own /proc");
            rights.Rights.Add(context.Files.IdOfWaiting(file));
        }
        return rights;
    }
}
