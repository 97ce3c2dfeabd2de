using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// A connection in repair mode: the peer sees only silence. <see cref="Save"/> any number of times, then <see cref="Resume"/>, or <see cref="Leave"/>. Disposed without either
/// it is resumed. No call of the application on the socket may be under way meanwhile.
/// </summary>
public sealed class PausedConnection : IDisposable
{
    private readonly SafeHandle handle;
    private readonly IDisposable owner;
    private readonly SoccrOptions options;
    private readonly SavedOptions settings;
    private readonly SocketIdentity identity;           // as it was before repair mode
    private TcpState? lastState;                        // seen when it was saved
    private bool isInRepair, isSendQueueSelected, isDone;

    private PausedConnection(SafeHandle handle, IDisposable owner, SoccrOptions options, OptionReader reader)
    {
        (this.handle, this.owner, this.options) = (handle, owner, options);
        bool isCounted = false;
        handle.DangerousAddRef(ref isCounted);
        Calls = new SocketCalls((int)handle.DangerousGetHandle(), this);
        try
        {
            identity = reader.Identify(Calls);
            Flow = identity.Flow;
            settings = reader.Read(Calls, identity, options.SkipInFlight);
        }
        catch
        {
            handle.DangerousRelease();
            throw;
        }
    }

    internal SocketCalls Calls { get; }

    /// <summary>Its two ends; null for one without a peer.</summary>
    public TcpFlow? Flow { get; }

    /// <summary>Whether it has keys (TCP_MD5SIG) must be asked.</summary>
    internal bool MayHaveKeys => !settings.HasNoKeys;

    internal HeldFlow? Held => Flow is { } flow ? new HeldFlow(flow, handle) : null;

    /// <summary>The state that it is in; when it is paused no longer, the state that it was saved in.</summary>
    public TcpState State => isDone ? Known : SocketIdentity.ReadState(Calls);

    private TcpState Known => lastState ?? identity.State ?? TcpState.Established;

    /// <summary>Reads what is read before anything changes, and refuses what must be refused.</summary>
    internal static PausedConnection Look(SafeHandle handle, IDisposable owner, SoccrOptions options, OptionReader reader) => new(handle, owner, options, reader);

    /// <summary>Switches repair mode on. The traffic is held already.</summary>
    internal void Begin()
    {
        if (Flow == null)
            return;                                     // there is no connection: it needs no repair mode, and a listener has none
        if (settings.KeepAlive)
            Calls.Set(Sockets.SOL_SOCKET, So.KEEPALIVE, 0, "SO_KEEPALIVE");         // its timer goes on in repair mode, and would kill the connection
        try
        {
            int result = options.Switch.Switch(handle, RepairMode.On);
            if (result < 0)
                throw CannotRepair(result);
        }
        catch
        {
            PutBack();
            throw;
        }
        isInRepair = true;
    }

    private SoccrException CannotRepair(int result)
    {
        Refusals.CheckProtocol(Calls);
        return Calls.Failed("TCP_REPAIR", result, "Run with CAP_NET_ADMIN in the user namespace that owns the network namespace of the socket, or use a repair helper");
    }

    /// <summary>Everything that is needed to restore the connection. Nothing is consumed.</summary>
    /// <exception cref="SoccrException">It cannot be read, or is something that cannot be saved.</exception>
    public TcpConnectionState Save()
    {
        using var diagnosis = new SocketDiagnosis();
        return SaveWith(diagnosis, null);
    }

    internal TcpConnectionState SaveWith(SocketDiagnosis diagnosis, ConnectionViews? views)
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        var state = ConnectionReader.Read(Calls, identity, Flow, settings, views, out isSendQueueSelected);
        lastState = state.State;
        if (!MayHaveKeys || options.OptionsAreAlike && diagnosis.HaveNone(identity.IsIPv6, state.State))
            return state;
        int result = options.Switch is OwnRepairSwitch ? (int)Md5Keys.TryRead(handle, diagnosis, out var keys) : options.Switch.ReadMd5Keys(handle, out keys);
        if (result < 0)
            throw Calls.Failed("Reading the keys (TCP_MD5SIG, by sock_diag)", result, "Save from a thread of the socket's network namespace, or with CAP_SYS_ADMIN");
        diagnosis.Note(identity.IsIPv6, state.State, !keys.IsEmpty);
        return keys.IsEmpty ? state : state with { Md5Keys = keys };
    }

    /// <summary>Lets the connection go on, here, as if nothing had been. The caller's socket stays the caller's.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public void Resume()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        try
        {
            ReleaseTraffic();
        }
        finally
        {
            End();
        }
    }

    /// <summary>Closes the socket without a FIN or a reset: the peer goes on waiting. The traffic stays held. The caller's socket is disposed.</summary>
    /// <remarks>Where another process, or a duplicate, has the same connection open, it stays there, in repair mode.</remarks>
    public void Leave()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        if (identity.State == TcpState.Listen && options is { SkipInFlight: true, Lock: not null and not NoLock })
            HoldWaiting(options.Lock);
        isDone = true;
        if (isInRepair && !isSendQueueSelected && owner is not SafeHandle)
            Calls.TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, Tcp.SEND_QUEUE);    // it may be shut down first: no FIN is sent from a send queue under repair. Closing says nothing anyway
        handle.DangerousRelease();
        owner.Dispose();
    }

    /// <summary>The kernel resets them when the listener is closed, and answers by resets what they send after that.</summary>
    private void HoldWaiting(IConnectionLock held)
    {
        var waiting = SocketDiagnosis.ReadWaiting(Calls, identity.Local);
        try
        {
            if (waiting.Length > 0)
                held.Hold(waiting);
        }
        catch (SoccrException e) when (e.ErrorNumber == 0)
        {
            // It holds only what has a socket; it was said that these may be lost.
        }
    }

    internal void ReleaseTraffic()
    {
        if (Held is { } held)
            options.Lock?.Release([held]);
    }

    /// <summary>Out of repair mode, where it is in it; the traffic passes already.</summary>
    internal void End()
    {
        if (isDone)
            return;
        isDone = true;
        try
        {
            if (isInRepair)
            {
                int result = options.Switch.Switch(handle, RepairMode.Off);
                if (result < 0)
                    throw Calls.Failed("TCP_REPAIR off", result);
            }
            PutBack();
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    /// <summary>Repair mode sets SO_REUSEADDR, and clears it at its end.</summary>
    private void PutBack()
    {
        if (isInRepair && settings.ReuseAddress)
            Calls.TrySet(Sockets.SOL_SOCKET, So.REUSEADDR, 1);
        if (settings.KeepAlive)
            Calls.TrySet(Sockets.SOL_SOCKET, So.KEEPALIVE, 1);
    }

    /// <summary>Resumes it, unless that or the other was done.</summary>
    public void Dispose()
    {
        if (!isDone)
            Resume();
    }

    /// <summary>As <c>LOCAL -> REMOTE (STATE)</c>.</summary>
    public override string ToString() => (identity.Local.Family, Flow) switch
    {
        (0, _) => "a socket",
        (_, { } flow) => $"{flow} ({StateInWords})",
        _ => $"{identity.Local.ToEndPoint()} ({StateInWords})",
    };

    private string StateInWords => ((isDone ? null : SocketIdentity.TryReadState(Calls)) ?? Known).ToString();
}
