using System.Net;
using Criu.Soccr;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Native;

/// <summary>What a program holds as <c>struct libsoccr_sk *</c>: a connection that is saved, or a new socket that becomes one. The descriptor stays the program's.</summary>
internal sealed unsafe class SocketHandle
{
    private const int ReceiveQueue = 1, SendQueue = 2;       // TCP_RECV_QUEUE, TCP_SEND_QUEUE of linux/tcp.h

    private readonly SafeFileHandle socket;
    private readonly PausedConnection paused;
    private RestoredConnections? restored;
    private Lent received, sent, own, peer;

    private SocketHandle(SafeFileHandle socket)
    {
        this.socket = socket;
        paused = TcpConnection.PauseHandle(socket);
    }

    /// <summary>Begins with a connection or a new socket.</summary>
    /// <exception cref="SoccrException">It is neither, or cannot be paused.</exception>
    public static SocketHandle Pause(int fd)
    {
        var handle = new SocketHandle(new SafeFileHandle(fd, ownsHandle: false));
        if (handle.paused.State != TcpState.Listen)
            return handle;
        handle.paused.Resume();
        throw new InvalidOperationException($"descriptor {fd} listens, and has no connection: there is nothing to repair");
    }

    public SocketData Save()
    {
        var state = paused.Save();
        if (!state.Md5Keys.IsEmpty)
            throw new InvalidOperationException($"{state} has keys (TCP_MD5SIG), for which libsoccr_sk_data has no room: without them the peer would hear nothing");
        received.Put(Libc.Copy(state.ReceiveQueue.AsSpan()), owned: true);
        sent.Put(Libc.Copy(state.SendQueue.AsSpan()), owned: true);
        own.Put(Copy(state.Local), owned: true);
        peer.Put(Copy(state.Remote), owned: true);
        return SocketData.Of(state);
    }

    private static byte* Copy(IPEndPoint? end)
    {
        if (end == null)
            return null;
        SocketAddress address = SocketAddress.Of(end);
        return Libc.Copy(new ReadOnlySpan<byte>(&address, SocketAddress.Size));
    }

    /// <summary>A queue by its number; a queue that is neither is empty, and stays so.</summary>
    public byte* GetQueue(int queue, uint flags) => queue switch
    {
        ReceiveQueue => received.Give(flags),
        SendQueue => sent.Give(flags),
        _ => null,
    };

    public bool TrySetQueue(int queue, byte* bytes, uint flags)
    {
        bool isOurs = (flags & Lent.Exclusive) != 0;
        switch (queue)
        {
            case ReceiveQueue:
                received.Put(bytes, isOurs);
                return true;
            case SendQueue:
                sent.Put(bytes, isOurs);
                return true;
            default:
                return false;
        }
    }

    public byte* GetAddress(bool isOwn, uint flags) => isOwn ? own.Give(flags) : peer.Give(flags);

    public void SetAddress(bool isOwn, byte* address, uint flags)
    {
        bool isOurs = (flags & Lent.Exclusive) != 0;
        if (isOwn)
            own.Put(address, isOurs);
        else
            peer.Put(address, isOurs);
    }

    /// <summary>Makes the connection. What the program has set on the new socket stays.</summary>
    /// <exception cref="SoccrException">It cannot be made.</exception>
    public void Restore(SocketData data)
    {
        paused.Resume();                             // a new socket: nothing changes
        restored = TcpConnection.RestoreAllOnto([Complete(data)], [socket]);
    }

    private TcpConnectionState Complete(SocketData data)
    {
        var (local, remote) = (Read(own, "its own"), Read(peer, "the peer's"));
        if (data.InLength > TcpConnectionState.MaxQueueBytes || data.OutLength > TcpConnectionState.MaxQueueBytes || data.UnsentLength > data.OutLength)
            throw new InvalidOperationException($"the queues have {data.InLength} and {data.OutLength} bytes, {data.UnsentLength} of them unsent, and cannot have so many");
        var settings = new NewSocket(socket.Fd());
        return data.ToState() with
        {
            Local = local, Remote = remote, IsIPv6 = settings.IsIPv6,
            ReceiveQueue = [.. Queue(received, data.InLength, "receive")], SendQueue = [.. Queue(sent, data.OutLength, "send")],
            SendBuffer = settings.SendBuffer, ReceiveBuffer = settings.ReceiveBuffer, ReuseAddress = settings.ReuseAddress, KeepAlive = settings.KeepAlive,
            Cork = settings.Cork, IsNonBlocking = settings.IsNonBlocking,
        };
    }

    private static IPEndPoint Read(Lent lent, string whose)
    {
        if (lent.Start == null || !SocketAddress.TryRead(Bytes(lent.Start), out var address))
            throw new InvalidOperationException($"{whose} address was not set, or is neither sockaddr_in nor sockaddr_in6");
        return address.ToEndPoint();
    }

    /// <summary>A sockaddr_in is shorter than a sockaddr_in6, and may end where the program's memory does.</summary>
    private static ReadOnlySpan<byte> Bytes(byte* address)
    {
        const int ShortSize = 16;
        return new(address, *(ushort*)address == Sockets.AF_INET ? ShortSize : SocketAddress.Size);
    }

    private static ReadOnlySpan<byte> Queue(Lent lent, uint length, string which) =>
        lent.Start != null || length == 0 ? new(lent.Start, (int)length) : throw new InvalidOperationException($"the {which} queue has {length} bytes, which were not set");

    /// <summary>The connection goes on.</summary>
    public void Resume()
    {
        try
        {
            if (restored != null)
                restored.ResumeInPlace();
            else
                paused.Dispose();
        }
        finally
        {
            Free();
        }
    }

    /// <summary>It stays in repair mode. The socket is not closed, as it is not ours.</summary>
    public void Release()
    {
        try
        {
            if (restored != null)
                restored.Dispose();
            else
                paused.Leave();
        }
        finally
        {
            Free();
        }
    }

    private void Free()
    {
        received.Free();
        sent.Free();
        own.Free();
        peer.Free();
    }
}
