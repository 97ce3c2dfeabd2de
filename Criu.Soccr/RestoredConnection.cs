using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// A connection that has been made anew and is still in repair mode. <see cref="Resume"/> lets it go on. Disposed without that it is closed silently: the peer goes on waiting,
/// and the same state can be restored again.
/// </summary>
public sealed class RestoredConnection : IDisposable
{
    private readonly SafeHandle handle;
    private readonly SoccrOptions options;
    private readonly SocketCalls calls;
    private ConnectionWriter writer;
    private bool? isNonBlocking;                        // null: not known yet
    private bool isDone;

    private RestoredConnection(SafeHandle handle, TcpConnectionState state, SoccrOptions options, NewSockets fresh, bool? isNonBlocking)
    {
        (this.handle, State, this.options, this.isNonBlocking) = (handle, state, options, isNonBlocking);
        calls = new SocketCalls((int)handle.DangerousGetHandle(), state);
        writer = new ConnectionWriter(calls, state, handle, options, fresh);
    }

    /// <summary>What it was made from.</summary>
    public TcpConnectionState State { get; }

    internal HeldFlow? Held => State.Flow is { } flow ? new HeldFlow(flow, handle) : null;

    private bool IsInRepair => State.State != TcpState.Listen && State.Flow != null;

    /// <param name="state">What was saved.</param>
    /// <param name="socket">A new socket to make it of; null: one is made.</param>
    /// <param name="options">How.</param>
    /// <param name="fresh">What is known of new sockets of this network namespace.</param>
    /// <param name="peerIsHere">Whether the other end has been made already, in this network namespace.</param>
    internal static RestoredConnection Make(TcpConnectionState state, SafeHandle? socket, SoccrOptions options, NewSockets fresh, bool peerIsHere = false)
    {
        var restored = new RestoredConnection(socket ?? NewSocket(state), state, options, fresh, socket == null ? state.IsNonBlocking : null);
        try
        {
            restored.writer.Make(peerIsHere);
            return restored;
        }
        catch
        {
            restored.Dispose();
            throw;
        }
    }

    private static SafeSocketHandle NewSocket(TcpConnectionState state)
    {
        int type = Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC | (state.IsNonBlocking ? Sockets.SOCK_NONBLOCK : 0);
        long fd = Kernel.Call(Nr.socket, state.IsIPv6 ? Sockets.AF_INET6 : Sockets.AF_INET, type, Inet.IPPROTO_TCP);
        return Kernel.Failed(fd)
            ? throw new SoccrException("socket", state.ToString(), (int)-fd, fd == -Errno.EMFILE ? "Raise RLIMIT_NOFILE" : null)
            : new SafeSocketHandle((nint)fd, ownsHandle: true);
    }

    /// <summary>Lets the traffic through and the connection go on.</summary>
    /// <returns>An ordinary socket, which is the caller's. It blocks, whatever the saved one did: the runtime sets that by itself.</returns>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public Socket Resume()
    {
        var own = ResumeHandle();
        SetNonBlocking(false);
        return new Socket(own);
    }

    /// <summary>The same for those who need no <see cref="Socket"/>: the descriptor is non-blocking where the saved one was.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public SafeSocketHandle ResumeHandle()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        ReleaseTraffic();
        return (SafeSocketHandle)End();
    }

    internal void ReleaseTraffic()
    {
        if (Held is { } held)
            options.Lock?.Release([held]);
    }

    /// <summary>Out of repair mode; the traffic passes already.</summary>
    internal SafeHandle End()
    {
        if (IsInRepair)
        {
            int result = options.Switch.Switch(handle, State.State == TcpState.SynSent || MayResumeQuietly ? RepairMode.OffQuietly : RepairMode.Off);
            if (result < 0)
                throw calls.Failed("TCP_REPAIR off", result);
        }
        isDone = true;
        if (State.State == TcpState.SynSent)
            ConnectAgain();
        writer.Finish();
        SetNonBlocking(State.IsNonBlocking);
        return handle;
    }

    /// <summary>Nothing waits for the peer to do something: neither bytes or a FIN for its acknowledgement, nor new ones for its window.</summary>
    private bool MayResumeQuietly => options.ResumesQuietly && State is { State: TcpState.Established or TcpState.CloseWait, SendQueue.IsEmpty: true, SendWindow: > 0 };

    /// <summary>The SYN is sent again, with the sequence number that it had.</summary>
    private void ConnectAgain()
    {
        SetNonBlocking(true);
        long result = calls.Connect(SocketAddress.Of(State.Remote!));
        if (result != -Errno.EINPROGRESS)
            calls.Check(result, "connect");
    }

    private void SetNonBlocking(bool value)
    {
        if (isNonBlocking == value)
            return;
        long flags = calls.Check(Kernel.Call(Nr.fcntl, calls.Fd, Fcntl.F_GETFL), "F_GETFL");
        calls.Check(Kernel.Call(Nr.fcntl, calls.Fd, Fcntl.F_SETFL, value ? flags | Fcntl.O_NONBLOCK : flags & ~(long)Fcntl.O_NONBLOCK), "F_SETFL");
        isNonBlocking = value;
    }

    /// <summary>Closes it silently, also where it was resumed just now.</summary>
    internal void Withdraw()
    {
        if (isDone && IsInRepair)
            options.Switch.Switch(handle, RepairMode.On);
        isDone = false;
        Dispose();
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
