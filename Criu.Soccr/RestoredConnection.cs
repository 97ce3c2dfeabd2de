using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// A connection that has been made anew and is still in repair mode. <see cref="Resume"/> lets it go on. Disposed without that it is closed silently: the peer goes on waiting,
/// and the same state can be restored again.
/// </summary>
public sealed class RestoredConnection : IDisposable
{
    private readonly SafeSocketHandle handle;
    private readonly SoccrOptions options;
    private readonly SocketCalls calls;
    private bool isDone;

    private RestoredConnection(SafeSocketHandle handle, TcpConnectionState state, SoccrOptions options)
    {
        (this.handle, State, this.options) = (handle, state, options);
        calls = new SocketCalls((int)handle.DangerousGetHandle(), state.ToString());
    }

    /// <summary>What it was made from.</summary>
    public TcpConnectionState State { get; }

    internal HeldFlow? Held => State.Flow is { } flow ? new HeldFlow(flow, handle) : null;

    private bool IsInRepair => State.State != TcpState.Listen && State.Flow != null;

    internal static RestoredConnection Make(TcpConnectionState state, SoccrOptions options)
    {
        long fd = Kernel.Call(Nr.socket, state.IsIPv6 ? Inet.AF_INET6 : Inet.AF_INET, Inet.SOCK_STREAM | Inet.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        if (Kernel.Failed(fd))
            throw new SoccrException("socket", state.ToString(), (int)-fd, fd == -Errno.EMFILE ? "Raise RLIMIT_NOFILE" : null);
        var restored = new RestoredConnection(new SafeSocketHandle((nint)fd, ownsHandle: true), state, options);
        try
        {
            new ConnectionWriter(restored.calls, state, restored.handle, options).Make();
            return restored;
        }
        catch
        {
            restored.Dispose();
            throw;
        }
    }

    /// <summary>Lets the traffic through and the connection go on.</summary>
    /// <returns>An ordinary socket, which is the caller's. It blocks, whatever the saved one did: the runtime sets that by itself.</returns>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public Socket Resume()
    {
        var own = ResumeHandle();
        calls.Check(SetNonBlocking(false), "F_SETFL");
        return new Socket(own);
    }

    /// <summary>The same for those who need no <see cref="Socket"/>: the descriptor is non-blocking where the saved one was.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public SafeSocketHandle ResumeHandle()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        ReleaseTraffic();
        return End();
    }

    internal void ReleaseTraffic()
    {
        if (Held is { } held)
            options.Lock?.Release([held]);
    }

    /// <summary>Out of repair mode; the traffic passes already.</summary>
    internal SafeSocketHandle End()
    {
        if (IsInRepair)
        {
            int result = options.Switch.Switch(handle, State.State == TcpState.SynSent ? RepairMode.OffQuietly : RepairMode.Off);
            if (result < 0)
                throw calls.Failed("TCP_REPAIR off", result);
        }
        isDone = true;
        if (State.State == TcpState.SynSent)
            ConnectAgain();
        new ConnectionWriter(calls, State, handle, options).Finish();
        calls.Check(SetNonBlocking(State.IsNonBlocking), "F_SETFL");
        return handle;
    }

    /// <summary>The SYN is sent again, with the sequence number that it had.</summary>
    private void ConnectAgain()
    {
        calls.Check(SetNonBlocking(true), "F_SETFL");
        long result = calls.Connect(SocketAddress.Of(State.Remote!));
        if (result != -Errno.EINPROGRESS)
            calls.Check(result, "connect");
    }

    private long SetNonBlocking(bool value)
    {
        long flags = Kernel.Call(Nr.fcntl, calls.Fd, Fcntl.F_GETFL);
        return Kernel.Failed(flags) ? flags : Kernel.Call(Nr.fcntl, calls.Fd, Fcntl.F_SETFL, value ? flags | Fcntl.O_NONBLOCK : flags & ~(long)Fcntl.O_NONBLOCK);
    }

    /// <summary>Closes it silently, unless it was resumed.</summary>
    public void Dispose()
    {
        if (isDone)
            return;
        isDone = true;
        if (IsInRepair)
            calls.TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, Tcp.SEND_QUEUE);
        handle.Dispose();
    }
}
