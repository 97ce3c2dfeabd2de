using Criu.Core.Proc;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// What waits in a unix socket, read without taking it out. A look shows a stream as a whole but only the first of several datagrams; the next ones are shown from an
/// offset on, SO_PEEK_OFF of socket(7), which belongs to the socket and is put back by the guard whatever happens. An empty datagram is shown once in its life: a socket
/// that was dumped and left running may hold one that is not seen again.
/// </summary>
internal static unsafe class UnixSocketQueue
{
    private const int DatagramBytes = 256 << 10;        // more than a sender can without privilege

    public static List<byte[]> Read(OpenFile file, UnixSocketInfo info)
    {
        bool isStream = info.Type == Sockets.SOCK_STREAM;
        var pieces = new List<byte[]>();
        if (isStream && info.ReceiveQueue == 0)
            return pieces;
        using var socket = file.Fetch();
        byte[] buffer = GC.AllocateUninitializedArray<byte>(isStream ? (int)info.ReceiveQueue : DatagramBytes);
        IDisposable? offset = SocketOptions.ReadInt(socket, So.PEEK_OFF) >= 0 ? file.Task.Tracee!.ChangeSocketOption(file.Fd, So.PEEK_OFF, 0) : null;
        try
        {
            for (long position = 0; Peek(file, socket, buffer, isStream) is >= 0 and var got && !IsEnd(info, position, got);)
            {
                if (got > buffer.Length)
                    buffer = GC.AllocateUninitializedArray<byte>((int)got);        // and look again
                else
                {
                    pieces.Add(buffer.AsSpan(0, (int)got).ToArray());
                    position += got;
                }
                if (isStream && position >= info.ReceiveQueue)
                    return pieces;
                offset ??= file.Task.Tracee!.ChangeSocketOption(file.Fd, So.PEEK_OFF, 0);
                SocketOptions.SetInt(socket, So.PEEK_OFF, (int)position);
            }
        }
        finally
        {
            offset?.Dispose();
        }
        return isStream ? throw new CheckpointException($"{file} holds out-of-band data, which is not supported yet", "It runs on, nothing was changed") : pieces;
    }

    /// <summary>A packet socket whose peer ended answers 0 at its end, as an empty packet does.</summary>
    private static bool IsEnd(UnixSocketInfo info, long position, long got) =>
        got == 0 && (info.Type == Sockets.SOCK_STREAM || info.Type == Sockets.SOCK_SEQPACKET && (info.Shutdown & 1) != 0 && position >= info.ReceiveQueue);

    /// <returns>Bytes of the piece, also those that had no room; -1 at the end.</returns>
    private static long Peek(OpenFile file, Microsoft.Win32.SafeHandles.SafeFileHandle socket, byte[] buffer, bool isStream)
    {
        int flags = Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT | (isStream ? 0 : Sockets.MSG_TRUNC);
        fixed (byte* into = buffer)
        {
            long got = Kernel.Call(Nr.recvfrom, socket.Fd(), (long)into, buffer.Length, flags, 0, 0);
            if (got == -Errno.EAGAIN)
                return -1;
            return Kernel.Failed(got) ? throw new CheckpointException($"what waits in {file} cannot be read: {Errno.Name(got)}") : got;
        }
    }
}
