using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Files;

/// <summary>
/// What waits to be read is written again, by the other end. It counts against the sender's buffer, which is made large for it where the engine may; a call never waits, so
/// that what does not fit is told.
/// </summary>
internal sealed partial class UnixSocketMaking
{
    private const int Piece = 32 << 10;                 // bytes in one batch; the kernel takes as much of a stream at once
    private const uint LargeBuffer = 256 << 20;         // bytes

    /// <summary>Whether credentials come with a message is for its receiver to say before it is sent; a sender without a name that says so gets one by sending.</summary>
    private void Fill(UnixSkEntry receiver, int receiverNumber, UnixSkEntry? sender, int senderNumber)
    {
        var queue = making.SocketQueue(receiver.Id);
        if (queue.Count == 0)
            return;
        bool isSenderToo = sender != null && receiver.Name.IsEmpty && making.SocketQueue(sender.Id).Count > 0;
        if (receiver.Opts.SoPasscred && !isSenderToo && LacksSenders(queue))
            SocketOptions.SetInt(stream, receiverNumber, So.PASSCRED, 1);
        SocketOptions.TrySetInt(stream, senderNumber, So.SNDBUFFORCE, LargeBuffer);
        if (sender != null)
            enlarged.Add(sender.Id);
        foreach (var message in queue)
            if (receiver.Type == Sockets.SOCK_STREAM && message.Rights.Count == 0)
                for (int at = 0; at < message.Data.Length; at += Piece)
                    Send(receiver, senderNumber, message, message.Data.AsSpan(at, Math.Min(Piece, message.Data.Length - at)), to: null);
            else
                Send(receiver, senderNumber, message, message.Data, to: null);
    }

    /// <summary>Datagrams for a socket that has a name come from one that has none; those that wait keep that alive as long as they need it.</summary>
    private void FillAlone(UnixSkEntry receiver)
    {
        var queue = making.SocketQueue(receiver.Id);
        if (queue.Count == 0)
            return;
        if (!IsDatagram(receiver) || receiver.Name.IsEmpty)
            throw Refuse(receiver, "has data, and nobody who could send it; restoring that is not supported yet");
        if (receiver.Opts.SoPasscred && LacksSenders(queue))
            SocketOptions.SetInt(stream, making.PlaceOf(receiver.Id), So.PASSCRED, 1);
        foreach (var message in queue)
        {
            MakeSocket(receiver, making.SpareDescriptor);
            SocketOptions.TrySetInt(stream, making.SpareDescriptor, So.SNDBUFFORCE, LargeBuffer);
            Send(receiver, making.SpareDescriptor, message, message.Data, to: receiver);
            stream.Room(1).Call(Nr.close, making.SpareDescriptor);
        }
    }

    private void Send(UnixSkEntry receiver, int sender, SocketMessage message, ReadOnlySpan<byte> data, UnixSkEntry? to)
    {
        const int Flags = Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL;
        long large = data.Length > Piece ? CopyToMemory(data) : 0;
        int length = data.Length;
        byte[] reached = to != null ? Reach(to) : [], control = ControlOf(message);
        var batch = stream.Room(2, (large == 0 ? length : 0) + control.Length + LongestName + 256);
        long from = large != 0 ? large : batch.Bytes(data);
        var header = new MessageHeader { Vectors = (ulong)batch.New(new IoVector { Base = from, Length = length }).Remote, VectorCount = 1, NameLength = reached.Length };
        if (to != null)
            header.Name = (ulong)batch.Bytes(reached);
        if (control.Length > 0)
            (header.Control, header.ControlLength) = ((ulong)batch.Bytes(control), (ulong)control.Length);
        var sent = batch.Try(Nr.sendmsg, sender, batch.New(header).Remote, Flags);
        if (large != 0)
            batch.Call(Nr.munmap, large, length);
        stream.AfterRun(() =>
        {
            if (sent.Value != length)
                throw Refuse(receiver, $"does not take again the {length} bytes{(message.Rights.Count > 0 ? $" and {message.Rights.Count} descriptors" : "")} that waited in it "
                    + $"({(sent.Failed ? Errno.Name(sent.Value) : $"only {sent.Value}")})", CureOf(sent.Value));
        });
    }

    private static string? CureOf(long result) => result switch
    {
        -Errno.EAGAIN => "Raise net.core.wmem_max, or give the engine CAP_NET_ADMIN; or raise net.unix.max_dgram_qlen",
        -Errno.ETOOMANYREFS => "More descriptors wait than a user may have open: raise the limit of the engine (ulimit -Hn), or give it CAP_SYS_RESOURCE",
        _ => null,
    };

    /// <summary>Descriptors by their numbers in this process.</summary>
    private byte[] ControlOf(SocketMessage message) => DescriptorMessages.Control([.. message.Rights.Select(making.PlaceHere)], SenderOf(message));

    /// <summary>The sender that the message will name by itself; null: none, or whoever sends it now where the receiver asks.</summary>
    private PeerCredentials? SenderOf(SocketMessage message)
    {
        if (message.Sender is not { Pid: not 0 } sender)
            return null;
        if (MayTell(sender))
            return new PeerCredentials { Process = sender.Pid, User = sender.Uid, Group = sender.Gid };
        making.Task.Context.Log.LogWarning("What waits in a unix socket of {Task} was sent by pid {Pid}, {Why}: the receiver will be told of {Task}", making.Task.ToString(), sender.Pid,
            making.Task.Context.MaySendAsOthers ? "which is not there" : "which it takes CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID to tell", making.Task.ToString());
        return null;
    }

    /// <summary>Oneself, or with the privilege any process that is there: unix(7).</summary>
    private bool MayTell(PacketSenderEntry sender)
    {
        var context = making.Task.Context;
        bool isSelf = sender.Pid == making.Task.Pid && sender.Uid == context.OwnCredentials.Uid.Real && sender.Gid == context.OwnCredentials.Gid.Real;
        return isSelf || context.MaySendAsOthers && Directory.Exists($"/proc/{sender.Pid}");
    }

    /// <summary>Whether some message gets its sender by being sent; one with the pid 0 had none, as it was sent before the receiver asked.</summary>
    private bool LacksSenders(IEnumerable<SocketMessage> queue) => queue.Any(m => m.Sender is not { } sender || sender.Pid != 0 && !MayTell(sender));

    /// <summary>A message that no batch has room for is put together in memory of the process, which is unmapped again.</summary>
    private long CopyToMemory(ReadOnlySpan<byte> message)
    {
        var mapped = stream.Room(1).Call(Nr.mmap, 0L, message.Length, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, -1L, 0L);
        stream.Run();
        long memory = mapped.Value;
        for (int at = 0; at < message.Length; at += Piece)
        {
            var piece = message.Slice(at, Math.Min(Piece, message.Length - at));
            var batch = stream.Room(1, piece.Length + 16);
            batch.Copy(memory + at, batch.Bytes(piece), piece.Length);
        }
        return memory;
    }
}
