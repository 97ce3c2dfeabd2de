using Criu.Core.Rpc.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// A client's socket. A packet is a message: its size is asked for first, so that one that is too large is refused before there is memory for it.
/// </summary>
internal sealed unsafe class RpcChannel : IDisposable
{
    /// <summary>Bytes of the largest message. A request of a container runtime has about 3 KiB; the kernel's own limit is 208 KiB unless the client raises it.</summary>
    public const int MaxBytes = 256 << 10;

    // A client whose buffer is small shall get its answer too.
    private const int MaxTextLength = 4096;

    private readonly SafeFileHandle socket;

    private RpcChannel(SafeFileHandle socket)
    {
        (this.socket, Peer) = (socket, RpcPeer.Of(socket));
        Stat status;
        Inode = Kernel.Failed(Kernel.Call(Nr.fstat, socket.Fd(), (long)(&status))) ? 0 : (uint)status.Inode;
    }

    /// <summary>Who asks.</summary>
    public RpcPeer Peer { get; }

    /// <summary>Inode of our end: what the client's own has for its peer.</summary>
    public uint Inode { get; }

    /// <summary>How long the client may say nothing, or take no answer, as the socket has it, whoever set it; 0: as long as it likes.</summary>
    public long PatienceSeconds
    {
        get
        {
            long* patience = stackalloc long[2];                          // struct timeval
            int size = 2 * sizeof(long);
            return Kernel.Failed(Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.RCVTIMEO_OLD, (long)patience, (long)(&size))) ? 0 : patience[0];
        }
    }

    /// <summary>Gives up what the client has not; answers whether that was anything.</summary>
    public bool BecomePeer() => RpcPrivilege.Become(Peer, socket);

    /// <summary>A socket that was accepted.</summary>
    public static RpcChannel Of(SafeFileHandle socket) => new(socket);

    /// <summary>Takes over an inherited descriptor; no process that is started later gets it.</summary>
    public static RpcChannel Over(int fd)
    {
        const long F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, FD_CLOEXEC = 1, O_NONBLOCK = 0x800;
        if (Kernel.Failed(Kernel.Call(Nr.fcntl, fd, F_SETFD, FD_CLOEXEC)))
            throw new CheckpointException($"There is no descriptor {fd}", "Start criu swrk with the number of a socket that it inherits");
        if (Ask(fd, So.DOMAIN) != Sockets.AF_UNIX || Ask(fd, So.TYPE) != Sockets.SOCK_SEQPACKET)
            throw new CheckpointException($"Descriptor {fd} is no unix socket of type SOCK_SEQPACKET", "Make one with socketpair(2), and start criu swrk with the number of one end");
        // Some clients make both ends for their own event loop.
        long flags = Kernel.Call(Nr.fcntl, fd, F_GETFL);
        Kernel.Call(Nr.fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
        return new RpcChannel(Kernel.Own(fd));
    }

    private static int Ask(int fd, int option)
    {
        int value = -1, size = sizeof(int);
        return Kernel.Failed(Kernel.Call(Nr.getsockopt, fd, Sockets.SOL_SOCKET, option, (long)(&value), (long)(&size))) ? -1 : value;
    }

    /// <summary>Its number.</summary>
    public int Fd => socket.Fd();

    /// <summary>Whether the client has gone and left nothing to read.</summary>
    public bool HasEnded() => Kernel.Call(Nr.recvfrom, socket.Fd(), 0, 0, Sockets.MSG_PEEK | Sockets.MSG_TRUNC | Sockets.MSG_DONTWAIT) is 0 or -Errno.ECONNRESET && HasHungUp();

    /// <summary>Waits for a request; null when the client has gone.</summary>
    /// <exception cref="CheckpointException">The message is empty, too large, or no request.</exception>
    public CriuReq? Receive()
    {
        long size = Demand(Kernel.Call(Nr.recvfrom, socket.Fd(), 0, 0, Sockets.MSG_PEEK | Sockets.MSG_TRUNC));
        if (size == 0 && HasHungUp())
            return null;
        if (size is 0 or > MaxBytes)
        {
            TakeOff();
            throw RpcErrors.BadOption(size == 0 ? "The message is empty" : $"The message has {size} bytes, and the largest that is read has {MaxBytes}");
        }
        byte[] message = new byte[size];
        fixed (byte* start = message)
            Demand(Kernel.Call(Nr.recvfrom, socket.Fd(), (long)start, size));
        return Parse(message);
    }

    /// <summary>Removes a message unread: a socket that is closed with one in its queue resets its client, who would find that instead of an answer.</summary>
    public void TakeOff() => Kernel.Call(Nr.recvfrom, socket.Fd(), 0, 0, Sockets.MSG_DONTWAIT);

    /// <summary>The type of a short message that has come in, and stays; null where there is none, or it is anything else.</summary>
    public CriuReqType? PeekType()
    {
        const int ShortBytes = 512;
        byte[] message = new byte[ShortBytes];
        long size;
        fixed (byte* start = message)
            size = Kernel.Call(Nr.recvfrom, socket.Fd(), (long)start, ShortBytes, Sockets.MSG_PEEK | Sockets.MSG_TRUNC | Sockets.MSG_DONTWAIT);
        if (size is <= 0 or > ShortBytes)
            return null;
        try
        {
            return CriuReq.Parser.ParseFrom(message, 0, (int)size).Type;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>A client that says nothing, or takes no answer, shall not hold its server for ever.</summary>
    public void LimitWaiting(int seconds)
    {
        long* patience = stackalloc long[] { seconds, 0 };               // struct timeval
        foreach (int option in (ReadOnlySpan<int>)[So.RCVTIMEO_OLD, So.SNDTIMEO_OLD])
            Kernel.Call(Nr.setsockopt, socket.Fd(), Sockets.SOL_SOCKET, option, (long)patience, 2 * sizeof(long));
    }

    private static CriuReq Parse(byte[] message)
    {
        try
        {
            var request = CriuReq.Parser.ParseFrom(message);
            return request.HasType ? request : throw RpcErrors.BadOption($"The message of {message.Length} bytes has no type", "Send a criu_req of rpc.proto");
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw RpcErrors.BadOption($"The message of {message.Length} bytes is no criu_req: {exception.Message}", "Send a criu_req of rpc.proto");
        }
    }

    /// <summary>The same for a server that has others to serve: a client that has no room for an answer gets none, and false is answered.</summary>
    public bool SendAtOnce(CriuResp response) => Send(response, Sockets.MSG_NOSIGNAL | Sockets.MSG_DONTWAIT);

    /// <summary>Answers false where the client does not take it: it is gone.</summary>
    /// <param name="response">The message.</param>
    /// <param name="passed">A descriptor that comes with it (unix(7), SCM_RIGHTS).</param>
    public bool Send(CriuResp response, SafeFileHandle? passed = null) => Send(response, Sockets.MSG_NOSIGNAL, passed);

    private bool Send(CriuResp response, int flags, SafeFileHandle? passed = null)
    {
        if (response.HasCrErrmsg && response.CrErrmsg.Length > MaxTextLength)
            response.CrErrmsg = response.CrErrmsg[..MaxTextLength];
        byte[] message = response.ToByteArray();
        if (passed != null)
            return !Kernel.Failed(DescriptorMessages.Send(socket.Fd(), message, [passed.Fd()]));
        fixed (byte* start = message)
            return !Kernel.Failed(Kernel.Call(Nr.sendto, socket.Fd(), (long)start, message.Length, flags));
    }

    /// <summary>No bytes are an empty message or the end of the client; only the end hangs up.</summary>
    private bool HasHungUp()
    {
        PollEntry entry = new() { Fd = socket.Fd(), Events = Poll.POLLIN | Poll.POLLRDHUP };
        return Kernel.Call(Nr.poll, (long)(&entry), 1, 0) > 0 && (entry.Found & (Poll.POLLRDHUP | Poll.POLLHUP)) != 0;
    }

    private long Demand(long result) => -result switch
    {
        Errno.ECONNRESET => 0,
        Errno.EAGAIN => throw new CheckpointException($"The client has sent nothing for {PatienceSeconds} seconds") { ErrorNumber = Errno.EAGAIN },
        _ when Kernel.Failed(result) => throw new CheckpointException($"The client's socket cannot be read: {Errno.Name(result)}"),
        _ => result,
    };

    public void Dispose() => socket.Dispose();
}
