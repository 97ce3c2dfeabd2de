using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Criu.Soccr;

/// <summary>Many connections in repair mode: <see cref="PausedConnection"/> for each, with their traffic held and let go in one step. Disposed without more they are resumed.</summary>
public sealed class PausedConnections : IDisposable
{
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
        var all = new PausedConnection[sockets.Length];
        HeldFlow[] flows = [];
        int begun = 0;
        try
        {
            Work.Split(sockets.Length, workers, i => all[i] = PausedConnection.Look(sockets[i].Handle, sockets[i].Owner, options));
            HeldFlow[] wanted = [.. all.Where(p => p.Held != null).Select(p => p.Held!.Value)];
            options.Lock?.Hold(wanted);
            flows = wanted;
            for (; begun < all.Length; begun++)
                all[begun].Begin();
            return new PausedConnections(all, flows, options, workers);
        }
        catch
        {
            options.Lock?.Release(flows);
            for (int i = 0; i < begun; i++)
                all[i].End();
            throw;
        }
    }

    /// <summary>Everything that is needed to restore them, in the order in which they were given.</summary>
    /// <exception cref="SoccrException">One cannot be read.</exception>
    public TcpConnectionState[] Save()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        var states = new TcpConnectionState[all.Length];
        using var diagnosis = new SocketDiagnosis();
        Work.Split(all.Length, workers, i => states[i] = all[i].SaveWith(diagnosis));
        return states;
    }

    /// <summary>Lets them go on, here. The sockets stay the caller's.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public void Resume()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        isDone = true;
        options.Lock?.Release(flows);
        Work.Split(all.Length, workers, i => all[i].End());
    }

    /// <summary>Closes all sockets silently: no FIN, no reset. The traffic stays held. The caller's sockets are disposed.</summary>
    public void Leave()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        isDone = true;
        Work.Split(all.Length, workers, i => all[i].Leave());
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

    internal static RestoredConnections Restore(IReadOnlyList<TcpConnectionState> states, SoccrOptions options, int workers)
    {
        var all = new RestoredConnection?[states.Count];
        try
        {
            Work.Split(states.Count, workers, i => all[i] = RestoredConnection.Make(states[i], options));
            return new RestoredConnections(all!, options, workers);
        }
        catch
        {
            foreach (var one in all)
                one?.Dispose();
            throw;
        }
    }

    /// <summary>Lets the traffic through and all of them go on, in the order in which they were given.</summary>
    /// <returns>Ordinary sockets, which are the caller's.</returns>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public Socket[] Resume()
    {
        var handles = ResumeHandles();
        return Array.ConvertAll(handles, h => new Socket(h));
    }

    /// <summary>The same for those who need no <see cref="Socket"/>: each descriptor is non-blocking where the saved one was.</summary>
    /// <exception cref="SoccrException">The traffic cannot be let through, or repair mode not be ended.</exception>
    public SafeSocketHandle[] ResumeHandles()
    {
        ObjectDisposedException.ThrowIf(isDone, this);
        isDone = true;
        options.Lock?.Release([.. all.Where(r => r.Held != null).Select(r => r.Held!.Value)]);
        var handles = new SafeSocketHandle[all.Length];
        Work.Split(all.Length, workers, i => handles[i] = all[i].End());
        return handles;
    }

    /// <summary>Closes them silently, unless they were resumed.</summary>
    public void Dispose()
    {
        if (isDone)
            return;
        isDone = true;
        foreach (var one in all)
            one.Dispose();
    }
}

/// <summary>Work on many connections by several threads of the caller's network namespace.</summary>
internal static class Work
{
    /// <summary>Threads that were made for it, as a namespace belongs to a thread, and one of a pool may be anywhere. The first thing that goes wrong is thrown, when all have ended.</summary>
    public static void Split(int count, int workers, Action<int> one)
    {
        workers = Math.Min(workers > 0 ? workers : Environment.ProcessorCount, count);
        if (workers <= 1)
        {
            for (int i = 0; i < count; i++)
                one(i);
            return;
        }
        Exception? failure = null;
        var threads = new Thread[workers - 1];
        void Part(int worker)
        {
            try
            {
                for (long i = (long)count * worker / workers, end = (long)count * (worker + 1) / workers; i < end && failure == null; i++)
                    one((int)i);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        }
        for (int w = 0; w < threads.Length; w++)
        {
            int worker = w + 1;
            threads[w] = new Thread(() => Part(worker)) { IsBackground = true };
            threads[w].Start();
        }
        Part(0);
        foreach (var thread in threads)
            thread.Join();
        if (failure != null)
            ExceptionDispatchInfo.Throw(failure);
    }
}
