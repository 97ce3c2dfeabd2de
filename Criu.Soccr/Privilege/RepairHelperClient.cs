using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// An application's connection to a <see cref="RepairHelper"/>: with it in <see cref="SoccrOptions.RepairSwitch"/>, and <see cref="OpenLock"/> in
/// <see cref="SoccrOptions.Lock"/>, connections are saved and restored without any capability. Any number of threads may use it; they are served one after the other.
/// </summary>
public sealed class RepairHelperClient : IRepairSwitch, IDisposable
{
    private const int MostOfKey = 8 + 16 + 80;          // bytes: two lengths, address, key

    private readonly Lock gate = new();
    private readonly string? path;
    private Socket socket;

    /// <param name="connected">A unix socket to a helper, which the client disposes.</param>
    public RepairHelperClient(Socket connected)
    {
        ArgumentNullException.ThrowIfNull(connected);
        if (connected.AddressFamily != AddressFamily.Unix)
            throw new ArgumentException("Descriptors can be passed only over a unix socket.", nameof(connected));
        socket = connected;
    }

    private RepairHelperClient(string path) => (this.path, socket) = (path, Open(path));

    /// <summary>Connects to a helper that listens. Where it is started anew, the client connects anew.</summary>
    /// <param name="path">The path of its socket (stream).</param>
    /// <exception cref="SoccrException">Nobody listens there, or this process may not connect.</exception>
    public static RepairHelperClient Connect(string path) => new(path);

    private static Socket Open(string path)
    {
        var made = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            made.Connect(new UnixDomainSocketEndPoint(path));
            return made;
        }
        catch (SocketException e)
        {
            made.Dispose();
            throw new SoccrException($"connect to the repair helper at {path} failed: {e.SocketErrorCode}. Start it, and give this user access to the path");
        }
    }

    /// <inheritdoc/>
    public int Switch(SafeHandle socket, RepairMode mode)
    {
        int value = (int)mode;
        return Set(socket, PrivilegedOption.Repair, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));
    }

    /// <inheritdoc/>
    public int Set(SafeHandle socket, PrivilegedOption option, ReadOnlySpan<byte> value) => Ask((ushort)option, option.ToString(), [socket], value).Result;

    /// <inheritdoc/>
    public int ReadMd5Keys(SafeHandle socket, out ImmutableArray<TcpMd5Key> keys)
    {
        byte[] answer = new byte[HelperProtocol.AnswerBytes + HelperProtocol.MostKeys * (sizeof(int) + MostOfKey)];
        var (result, length) = Ask(HelperProtocol.Keys, "Reading the keys", [socket], [], answer);
        if (length > answer.Length - HelperProtocol.AnswerBytes || !HelperProtocol.TryRead(answer.AsSpan(HelperProtocol.AnswerBytes, (int)length), out keys))
            throw new SoccrException($"Reading the keys by {this} failed: its answer is damaged");
        return result;
    }

    /// <summary>
    /// A lock of the helper's, which holds the traffic of sockets that this process has. What it holds stays held when it is disposed, or this process ends, until it is released
    /// or the helper's own limit is reached.
    /// </summary>
    /// <exception cref="SoccrException">The helper holds no traffic, or cannot be reached.</exception>
    public IConnectionLock OpenLock()
    {
        var (result, mark) = Ask(HelperProtocol.Mark, "the mark of the lock", [], []);
        return result == 0 ? new HelperLock(this, mark)
            : throw new SoccrException("Opening the lock", ToString(), -result, result == -Errno.EOPNOTSUPP ? "The helper was started without one (RepairHelperOptions.Lock)" : null);
    }

    /// <summary>One request, and its answer.</summary>
    internal (int Result, uint Value) Ask(ushort operation, string name, ReadOnlySpan<SafeHandle> sockets, ReadOnlySpan<byte> value) =>
        Ask(operation, name, sockets, value, stackalloc byte[HelperProtocol.AnswerBytes]);

    private (int Result, uint Value) Ask(ushort operation, string name, ReadOnlySpan<SafeHandle> sockets, ReadOnlySpan<byte> value, Span<byte> answer)
    {
        if (value.Length > HelperProtocol.MostValueBytes)
            return (-Errno.EINVAL, 0);
        Span<byte> request = stackalloc byte[HelperProtocol.RequestBytes];
        HelperProtocol.WriteRequest(request, operation, value);
        long length;
        lock (gate)
        {
            length = Exchange(request, sockets, answer);
            if (IsGone(length) && path != null)
            {
                // It went before it did anything for us, or we do not know: all operations may be done twice.
                socket.Dispose();
                socket = Open(path);
                length = Exchange(request, sockets, answer);
            }
        }
        if (length < HelperProtocol.AnswerBytes)
            throw new SoccrException($"{name} by {this} failed: {WhyNoAnswer(length)}");
        var (magic, version, answered, result, detail) = HelperProtocol.ReadHeader(answer);
        if (magic != HelperProtocol.Magic || version != HelperProtocol.Version || answered != operation)
            throw new SoccrException($"{name} by {this} failed: it speaks version {version} of the protocol, this library {HelperProtocol.Version}");
        return (result, detail);
    }

    private static string WhyNoAnswer(long length) => IsGone(length)
        ? "it has closed the connection. See its log; it serves the users, and as many clients, as it was told to"
        : Kernel.Failed(length) ? Errno.Name(length) : $"it answers by {length} bytes";

    private static bool IsGone(long result) => result is 0 or -Errno.EPIPE or -Errno.ECONNRESET or -Errno.ENOTCONN;

    private long Exchange(ReadOnlySpan<byte> request, ReadOnlySpan<SafeHandle> sockets, Span<byte> answer)
    {
        int fd = (int)socket.SafeHandle.DangerousGetHandle(), added = 0;
        Span<int> descriptors = stackalloc int[sockets.Length];
        try
        {
            for (; added < sockets.Length; added++)
            {
                bool isCounted = false;
                sockets[added].DangerousAddRef(ref isCounted);
                descriptors[added] = (int)sockets[added].DangerousGetHandle();
            }
            long sent = DescriptorMessages.Send(fd, request, descriptors);
            if (Kernel.Failed(sent))
                return sent;
        }
        finally
        {
            while (added > 0)
                sockets[--added].DangerousRelease();
        }
        SocketCalls.Await(fd, Poll.POLLIN);    // whatever mode the socket was given to us in
        return new SocketCalls(fd, "").Receive(answer, 0);
    }

    /// <inheritdoc/>
    public override string ToString() => path == null ? "the repair helper" : $"the repair helper at {path}";

    /// <summary>Closes the connection to the helper.</summary>
    public void Dispose()
    {
        lock (gate)
            socket.Dispose();
    }
}
