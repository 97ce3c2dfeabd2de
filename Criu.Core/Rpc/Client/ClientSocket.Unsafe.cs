using Criu.Core.Rpc.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// The client's end of a connection: one packet is a message. It waits in poll(2), on the socket and on an eventfd that a cancellation writes to: both come along where the process
/// that waits is dumped and restored meanwhile.
/// </summary>
internal sealed unsafe class ClientSocket(SafeFileHandle socket) : IDisposable
{
    private const int MaxBytes = 1 << 20;                // what a criu answers has a few hundred bytes

    public static ClientSocket Connect(string path)
    {
        byte[] address = UnixAddress.TryMake(path)
            ?? throw new CheckpointException($"The path of the socket, {path}, is longer than {UnixAddress.LongestPath} bytes", "Reach it by a shorter one");
        long made = Kernel.Call(Nr.socket, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0);
        if (Kernel.Failed(made))
            throw new CheckpointException($"A unix socket cannot be made: {Errno.Name(made)}");
        var socket = Kernel.Own(made);
        long connected;
        fixed (byte* start = address)
            connected = Kernel.Call(Nr.connect, socket.Fd(), (long)start, address.Length);
        if (!Kernel.Failed(connected))
            return new ClientSocket(socket);
        socket.Dispose();
        throw new CheckpointException($"The service at {path} cannot be reached: {Errno.Name(connected)}", "Start it: criu service --address " + path);
    }

    /// <summary>A pair: one end for us, the other for a program to be started.</summary>
    public static (ClientSocket Ours, SafeFileHandle Theirs) Pair()
    {
        int* ends = stackalloc int[2];
        long result = Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0, (long)ends);
        return Kernel.Failed(result)
            ? throw new CheckpointException($"A pair of unix sockets cannot be made: {Errno.Name(result)}")
            : (new ClientSocket(Kernel.Own(ends[0])), Kernel.Own(ends[1]));
    }

    /// <summary>False where the other end is gone; it may have left an answer all the same.</summary>
    public bool Send(CriuReq request)
    {
        byte[] message = request.ToByteArray();
        fixed (byte* start = message)
            return Kernel.Call(Nr.sendto, socket.Fd(), (long)start, message.Length, Sockets.MSG_NOSIGNAL) switch
            {
                var sent when sent == message.Length => true,
                -Errno.EPIPE or -Errno.ECONNRESET => false,
                var error => throw new CheckpointException($"The request of {message.Length} bytes cannot be sent: {Errno.Name(error)}"),
            };
    }

    /// <summary>Waits for a message; null when the other end has gone.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public CriuResp? Receive(CancellationToken cancel, out SafeFileHandle? passed)
    {
        passed = null;
        Await(cancel);
        byte[] buffer = new byte[Size()];
        if (buffer.Length == 0)
            return null;
        var descriptors = new List<SafeFileHandle>();
        long got = DescriptorMessages.Receive(socket.Fd(), buffer, descriptors, out _);
        passed = descriptors.FirstOrDefault();
        foreach (var more in descriptors.Skip(1))       // a criu sends none
            more.Dispose();
        return got > 0 ? Parse(buffer.AsSpan(0, (int)got)) : null;
    }

    private int Size()
    {
        long size = Kernel.Call(Nr.recvfrom, socket.Fd(), 0, 0, Sockets.MSG_PEEK | Sockets.MSG_TRUNC);
        if (size is 0 or -Errno.ECONNRESET)
            return 0;
        return Kernel.Failed(size) ? throw new CheckpointException($"The answer of criu cannot be read: {Errno.Name(size)}")
            : size <= MaxBytes ? (int)size : throw new CheckpointException($"The answer of criu has {size} bytes, more than any should have ({MaxBytes})");
    }

    private static CriuResp Parse(ReadOnlySpan<byte> message)
    {
        try
        {
            return CriuResp.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new CheckpointException($"What came for an answer is no criu_resp: {exception.Message}", "Is it a criu at the other end?", exception);
        }
    }

    private void Await(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (!cancel.CanBeCanceled)
            return;
        long made = Kernel.Call(Nr.eventfd2, 0, Fcntl.O_CLOEXEC);
        if (Kernel.Failed(made))
            throw new CheckpointException($"An eventfd to wait by cannot be made: {Errno.Name(made)}");
        using var bell = Kernel.Own(made);
        using var registration = cancel.Register(() => Ring(bell));
        var entries = stackalloc PollEntry[] { new() { Fd = socket.Fd(), Events = Poll.POLLIN }, new() { Fd = bell.Fd(), Events = Poll.POLLIN } };
        Kernel.Call(Nr.poll, (long)entries, 2, -1);
        cancel.ThrowIfCancellationRequested();
    }

    private static void Ring(SafeFileHandle bell)
    {
        ulong one = 1;
        Kernel.Call(Nr.write, bell.Fd(), (long)(&one), sizeof(ulong));
    }

    public void Dispose() => socket.Dispose();
}
