using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Criu.Soccr;

/// <summary>Many connections in repair mode: <see cref="PausedConnection"/> for each, with their traffic held and let go in one step. Disposed without more they are resumed.</summary>
public sealed class PausedConnections : IDisposable
{
    private const int ManyEnough = 64;                  // for a look at all sockets of the namespace

    private readonly PausedConnection[] all;
    private readonly SoccrOptions options;
    private readonly HeldFlow[] flows;
    private readonly int workers;
    private bool isDone;

    private PausedConnections(PausedConnection[] all, HeldFlow[] flows, SoccrOptions options, int workers) => (this.all, this.flows, this.options, this.workers) = (all, flows, options, workers);

    /// <summary>How many there are.</summary>
    public int Count => all.Length;

    internal static PausedConnections Pause((SafeHandle Handle, IDisposable Owner)[] sockets, SoccrOptions options, int workers)
    {
        var all = new PausedConnection?[sockets.Length];
        HeldFlow[] flows = [];
        try
        {
            using (var reader = new OptionReader(options.OptionsAreAlike, all.Length))
                Work.Split(all.Length, workers, i => all[i] = PausedConnection.Look(sockets[i].Handle, sockets[i].Owner, options, reader));
            if (options.Lock is { } held)
            {
                HeldFlow[] wanted = [.. all.Select(p => p!.Held).OfType<HeldFlow>()];
                held.Hold(wanted);
                flows = wanted;
            }
            Work.Split(all.Length, workers, i => all[i]!.Begin());
            return new PausedConnections(all!, flows, options, workers);
        }
        catch
        {
            LetGo(all, flows, options, workers);
            throw;
        }
    }

    /// <summary>First the traffic, or what leaves repair mode would ask its peer in vain. Each is let go, whatever goes wrong with others.</summary>
    private static void LetGo(PausedConnection?[] all, HeldFlow[] flows, SoccrOptions options, int workers)
    {
        try
        {
            options.Lock?.Release(flows);
        }
        finally
        {
            Work.SplitAll(all.Length, workers, i => all[i]?.End());
        }
    }

    /// <summary>Everything that is needed to restore them, in the order in which they were given.</summary>
    /// <exception cref="SoccrException">One cannot be read.</exception>
    public TcpConnectionState[] Save()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        var states = new TcpConnectionState[all.Length];
        using var diagnosis = new SocketDiagnosis();
        if (all.Length >= ManyEnough && !options.OptionsAreAlike && all.Any(p => p.MayHaveKeys))
            diagnosis.LookAtAll();
        using var views = ConnectionViews.TryRead(all.Length);
        Work.Split(all.Length, workers, i => states[i] = all[i].SaveWith(diagnosis, views));
        return states;
    }

    /// <summary>Lets them go on, here. The sockets stay the caller's.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public void Resume()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        isDone = true;
        LetGo(all, flows, options, workers);
    }

    /// <summary>Closes all sockets silently: no FIN, no reset. The traffic stays held. The caller's sockets are disposed.</summary>
    public void Leave()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        isDone = true;
        Work.SplitAll(all.Length, workers, i => all[i].Leave());
    }

    /// <summary>Resumes them, unless that or the other was done.</summary>
    public void Dispose()
    {
        if (!isDone)
            Resume();
    }
}

/// <summary>Many connections that were made anew: <see cref="RestoredConnection"/> for each. Disposed without being resumed they are closed silently.</summary>
public sealed class RestoredConnections : IDisposable
{
    private readonly RestoredConnection[] all;
    private readonly SoccrOptions options;
    private readonly int workers;
    private bool isDone;

    private RestoredConnections(RestoredConnection[] all, SoccrOptions options, int workers) => (this.all, this.options, this.workers) = (all, options, workers);

    /// <summary>How many there are.</summary>
    public int Count => all.Length;

    internal static RestoredConnections Restore(IReadOnlyList<TcpConnectionState> states, IReadOnlyList<SafeHandle>? sockets, SoccrOptions options, int workers)
    {
        var all = new RestoredConnection?[states.Count];
        var later = LaterEnds(states);
        var fresh = new NewSockets();
        try
        {
            Work.Split(all.Length, workers, i => all[i] = later.Contains(i) ? null : RestoredConnection.Make(states[i], sockets?[i], options, fresh));
            foreach (int i in later)
                all[i] = RestoredConnection.Make(states[i], sockets?[i], options, fresh, peerIsHere: true);
            return new RestoredConnections(all!, options, workers);
        }
        catch
        {
            Work.SplitAll(all.Length, workers, i =>
            {
                all[i]?.Dispose();
                sockets?[i].Dispose();
            });
            throw;
        }
    }

    /// <summary>
    /// Where both ends of a connection are among them: the ends that are made when the others are there. Who had received a FIN comes first, as the stand-in that sends it once
    /// more takes the other end's place; what the other end waited for it is told by the first, once both run.
    /// </summary>
    private static HashSet<int> LaterEnds(IReadOnlyList<TcpConnectionState> states)
    {
        var later = new HashSet<int>();
        if (states.All(s => !NeedsStandIn(s)))
            return later;
        var ends = new Dictionary<TcpFlow, int>();
        for (int i = 0; i < states.Count; i++)
        {
            if (states[i].Flow is not { } flow)
                continue;
            if (ends.TryGetValue(new TcpFlow(flow.Remote, flow.Local), out int other))
                later.Add(states[i].HasReceivedFin && !states[other].HasReceivedFin ? other : i);
            ends.TryAdd(flow, i);
        }
        return later;
    }

    private static bool NeedsStandIn(TcpConnectionState state) => state.HasReceivedFin || state.Remote != null && state.State is TcpState.FinWait2 or TcpState.Close;

    /// <summary>Lets the traffic through and all of them go on, in the order in which they were given.</summary>
    /// <returns>Ordinary sockets, which are the caller's.</returns>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended. All are closed silently.</exception>
    public Socket[] Resume()
    {
        var handles = ResumeHandles();
        return Array.ConvertAll(handles, h => new Socket(h));
    }

    /// <summary>The same for those who need no <see cref="Socket"/>: each descriptor is non-blocking where the saved one was.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended. All are closed silently.</exception>
    public SafeSocketHandle[] ResumeHandles() => Array.ConvertAll(ResumeAll(), h => (SafeSocketHandle)h);

    /// <summary>Lets those go on that were made of the caller's own sockets (<see cref="TcpConnection.RestoreAllOnto"/>), which are the caller's again.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended. All are closed silently.</exception>
    public void ResumeInPlace() => ResumeAll();

    private SafeHandle[] ResumeAll()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        isDone = true;
        try
        {
            options.Lock?.Release([.. all.Select(r => r.Held).OfType<HeldFlow>()]);
            var handles = new SafeHandle[all.Length];
            Work.Split(all.Length, workers, i => handles[i] = all[i].End());
            return handles;
        }
        catch
        {
            Work.SplitAll(all.Length, workers, i => all[i].Withdraw());
            throw;
        }
    }

    /// <summary>Closes them silently, unless they were resumed.</summary>
    public void Dispose()
    {
        if (isDone)
            return;
        isDone = true;
        Work.SplitAll(all.Length, workers, i => all[i].Dispose());
    }
}
