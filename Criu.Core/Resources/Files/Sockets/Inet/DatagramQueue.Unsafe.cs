using System.Net;
using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Datagrams that wait in a UDP socket, each with its sender. They are looked at and not taken out: the first of them as it is, the next ones by SO_PEEK_OFF, which the guard
/// puts back whatever happens. Restored, they are sent once more, over loopback, from the senders' addresses (IP_TRANSPARENT); control messages tell of that way then.
/// </summary>
internal static class DatagramQueue
{
    private const int Largest = 64 << 10;               // bytes: no datagram is longer

    public static void Dump(OpenFile file, SafeFileHandle socket, uint id, DumpContext context)
    {
        int events = SocketCall.Events(socket, Poll.POLLIN | Poll.POLLERR);
        if ((events & Poll.POLLERR) != 0)
            context.Log.LogWarning("{Socket} has an error for its process to read, which has no place in the images", file);
        if ((events & Poll.POLLIN) == 0)
            return;                                     // and a look would take the error away
        byte[] buffer = new byte[Largest];
        IDisposable? offset = SocketOptions.ReadInt(socket, So.PEEK_OFF) >= 0 ? file.ChangeSocketOption(So.PEEK_OFF, 0) : null;
        try
        {
            for (long position = 0; Peek(file, socket, buffer, out var sender) is >= 0 and var got;)
            {
                if (got > 0 || position == 0)
                    Write(context.Writer(ImageKind.SkQueues), id, buffer.AsSpan(0, (int)Math.Min(got, Largest)), sender);
                if (got == 0)
                    return;                             // a look never gets past an empty one: what is behind it is lost, as datagrams may be
                position += got;
                offset ??= file.ChangeSocketOption(So.PEEK_OFF, 0);
                SocketOptions.SetInt(socket, So.PEEK_OFF, (int)position);
            }
        }
        finally
        {
            offset?.Dispose();
        }
    }

    /// <summary>An error that waits is answered first, once.</summary>
    private static long Peek(OpenFile file, SafeFileHandle socket, byte[] buffer, out IPEndPoint? sender)
    {
        long got = SocketCall.Peek(socket, buffer, out sender);
        if (Kernel.Failed(got) && got != -Errno.EAGAIN)
            got = SocketCall.Peek(socket, buffer, out sender);
        return Kernel.Failed(got) && got != -Errno.EAGAIN ? throw new CheckpointException($"what waits in {file} cannot be read: {Errno.Name(got)}") : got;
    }

    private static void Write(ImageWriter writer, uint id, ReadOnlySpan<byte> data, IPEndPoint? sender)
    {
        var entry = new SkPacketEntry { IdFor = id, Length = (uint)data.Length };
        if (sender != null)
            entry.Sender = ToBytes(sender);
        writer.Write(entry);
        writer.WritePayload(data);
    }

    private static unsafe ByteString ToBytes(IPEndPoint end)
    {
        var address = Linux.Abi.SocketAddress.Of(end);
        return ByteString.CopyFrom(new ReadOnlySpan<byte>(&address, address.Length));
    }

    public static IPEndPoint? SenderOf(SkPacketEntry entry)
    {
        if (!entry.HasSender || entry.Sender.Length is not (16 or 28))
            return null;
        Linux.Abi.SocketAddress address = default;
        entry.Sender.Span.CopyTo(MemoryMarshal.AsBytes(new Span<Linux.Abi.SocketAddress>(ref address)));
        return address.Family is Sockets.AF_INET or Sockets.AF_INET6 && address.Length == entry.Sender.Length ? address.ToEndPoint() : null;
    }

    /// <summary>Sends them once more, to a socket that is bound and has room.</summary>
    /// <returns>How many did not come through.</returns>
    public static int Fill(SafeHandle socket, InetSkEntry entry, IReadOnlyList<SocketMessage> queue)
    {
        int lost = 0;
        if (SocketCall.Name(socket, peer: false) is not { Port: not 0 } to)
            return queue.Count;
        if (to.Address.Equals(IPAddress.Any) || to.Address.Equals(IPAddress.IPv6Any))
            to = new IPEndPoint(to.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : IPAddress.IPv6Loopback, to.Port);
        foreach (var message in queue)
            if (!TrySend(entry, message.Data, message.Address, to))
                lost++;
        return lost;
    }

    private static bool TrySend(InetSkEntry entry, byte[] data, IPEndPoint? sender, IPEndPoint to)
    {
        bool isMapped = sender is { Address.IsIPv4MappedToIPv6: true };
        if (isMapped)
            (sender, to) = (new IPEndPoint(sender!.Address.MapToIPv4(), sender.Port), new IPEndPoint(to.Address.IsIPv4MappedToIPv6 ? to.Address.MapToIPv4() : IPAddress.Loopback, to.Port));
        bool isV6 = to.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        long fd = Kernel.Call(Nr.socket, isV6 ? Sockets.AF_INET6 : Sockets.AF_INET, Sockets.SOCK_DGRAM | Sockets.SOCK_CLOEXEC, entry.Proto);
        if (Kernel.Failed(fd))
            return false;
        using var from = Kernel.Own(fd);
        SocketCall.Set(from, isV6 ? Inet.IPPROTO_IPV6 : Inet.IPPROTO_IP, isV6 ? Ipv6.TRANSPARENT : Ip.TRANSPARENT, 1);
        SocketCall.Set(from, Sockets.SOL_SOCKET, So.REUSEADDR, 1);
        SocketCall.Set(from, Sockets.SOL_SOCKET, So.REUSEPORT, 1);
        SocketCall.Set(from, Sockets.SOL_SOCKET, So.SNDBUFFORCE, 4 * Largest);
        if (sender != null && Kernel.Failed(SocketCall.Bind(from, sender)))
            return false;
        return SocketCall.SendTo(from, data, to) == data.Length;
    }
}
