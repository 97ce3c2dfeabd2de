using Criu.Core.Proc;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// What waits in a unix socket, read without taking it out. A look shows a stream up to the next descriptors that were sent with it, and only the first of several datagrams; the next
/// ones are shown from an offset on, SO_PEEK_OFF of socket(7), which belongs to the socket and is put back by the guard whatever happens. An empty datagram is shown once in its life: a
/// socket that was dumped and left running may hold one that is not seen again.
/// </summary>
internal static class UnixSocketQueue
{
    private const int DatagramBytes = 256 << 10;        // more than a sender can without privilege

    /// <summary>In order. The descriptors are copies, and the caller's to close.</summary>
    public static List<WaitingMessage> Read(OpenFile file, UnixSocketInfo info)
    {
        bool isStream = info.Type == Sockets.SOCK_STREAM;
        var messages = new List<WaitingMessage>();
        if (isStream && info.ReceiveQueue == 0)
            return messages;
        try
        {
            Read(file, info, isStream, messages);
            return messages;
        }
        catch
        {
            messages.ForEach(m => m.Dispose());
            throw;
        }
    }

    private static void Read(OpenFile file, UnixSocketInfo info, bool isStream, List<WaitingMessage> messages)
    {
        using var socket = file.Fetch();
        byte[] buffer = GC.AllocateUninitializedArray<byte>(isStream ? (int)info.ReceiveQueue : DatagramBytes);
        IDisposable? offset = SocketOptions.ReadInt(socket, So.PEEK_OFF) >= 0 ? file.ChangeSocketOption(So.PEEK_OFF, 0) : null;
        try
        {
            for (long position = 0; Look(file, socket, buffer, isStream, out var message) is >= 0 and var got && !IsEnd(info, position, got);)
            {
                if (got > buffer.Length)
                {
                    message!.Dispose();
                    buffer = GC.AllocateUninitializedArray<byte>((int)got);        // and look again
                }
                else
                {
                    if (isStream && message!.Descriptors.Count > 0)
                        SplitOff(socket, messages, ref message, offset == null ? null : (int)position);
                    messages.Add(message!);
                    position += got;
                }
                if (isStream && position >= info.ReceiveQueue)
                    return;
                offset ??= file.ChangeSocketOption(So.PEEK_OFF, 0);
                SocketOptions.SetInt(socket, So.PEEK_OFF, (int)position);
            }
        }
        finally
        {
            offset?.Dispose();
        }
        if (isStream)
            throw new CheckpointException($"{file} holds out-of-band data, which is not supported yet", "It runs on, nothing was changed");
    }

    /// <summary>What came before the descriptors is a piece of its own: who reads only that does not get them.</summary>
    private static void SplitOff(SafeFileHandle socket, List<WaitingMessage> messages, ref WaitingMessage message, int? position)
    {
        if (position != null)
            SocketOptions.SetInt(socket, So.PEEK_OFF, position.Value);
        int before = (int)Math.Clamp(DescriptorMessages.LookBefore(socket.Fd(), new byte[message.Data.Length]), 0, message.Data.Length - 1);
        if (before == 0)
            return;
        messages.Add(new WaitingMessage(message.Data[..before], [], message.Sender));
        message = message with { Data = message.Data[before..] };
    }

    /// <summary>A packet socket whose peer ended answers 0 at its end, as an empty packet does.</summary>
    private static bool IsEnd(UnixSocketInfo info, long position, long got) =>
        got == 0 && (info.Type == Sockets.SOCK_STREAM || info.Type == Sockets.SOCK_SEQPACKET && (info.Shutdown & 1) != 0 && position >= info.ReceiveQueue);

    /// <returns>Bytes of the piece, also those that had no room; -1 at the end.</returns>
    private static long Look(OpenFile file, SafeFileHandle socket, byte[] buffer, bool isStream, out WaitingMessage? message)
    {
        var descriptors = new List<SafeFileHandle>();
        long got = DescriptorMessages.Look(socket.Fd(), buffer, descriptors, isStream ? 0 : Sockets.MSG_TRUNC, out var sender, out bool lacksDescriptors);
        message = Kernel.Failed(got) ? null : new WaitingMessage(buffer.AsSpan(0, (int)Math.Min(got, buffer.Length)).ToArray(), descriptors, sender);
        if (lacksDescriptors && message != null)
        {
            message.Dispose();
            throw new CheckpointException($"not all descriptors that wait in {file} can be looked at: the engine has no room for them",
                "Raise its limit of descriptors (ulimit -n), or let them be received");
        }
        return got == -Errno.EAGAIN ? -1 : Kernel.Failed(got) ? throw new CheckpointException($"what waits in {file} cannot be read: {Errno.Name(got)}") : got;
    }
}

/// <summary>A packet that waits in a socket, or a piece of a stream.</summary>
/// <param name="Data">Its bytes.</param>
/// <param name="Descriptors">Copies of what came with it; of a stream, with its first byte.</param>
/// <param name="Sender">Where the socket asks for it.</param>
internal sealed record WaitingMessage(byte[] Data, IReadOnlyList<SafeFileHandle> Descriptors, PeerCredentials? Sender) : IDisposable
{
    public void Dispose()
    {
        foreach (var descriptor in Descriptors)
            descriptor.Dispose();
    }
}
