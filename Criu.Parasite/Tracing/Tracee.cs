using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// A process with all its threads held. Seize → (Inject → Run) → Dispose, which lets it go as it was.
/// If the engine dies in between, the guard does what Dispose would have done.
/// </summary>
public sealed partial class Tracee : IDisposable
{
    private const string NoPrivilege = "not enough privilege: run as the owner of the process, or with CAP_SYS_PTRACE (for a seccomp-filtered one also CAP_SYS_ADMIN)";
    private const int ThreadsInRound = 512;
    private const int RetryMilliseconds = 1000;             // the time that an execve may take to end the other threads

    private readonly Guard guard;
    private readonly bool ownsGuard;
    private readonly List<TracedThread> threads = [];
    private readonly WillOwner owner;
    private readonly TimeSpan timeout;
    private readonly long retryUntil = Environment.TickCount64 + RetryMilliseconds;
    private bool isHeld = true;

    private Tracee(Guard guard, int pid, TimeSpan timeout, bool ownsGuard)
    {
        (this.guard, this.timeout, this.ownsGuard, Pid) = (guard, timeout, ownsGuard, pid);
        owner = new WillOwner(guard.Keep<int>());
        guard.Held.Add(this);
    }

    /// <summary>The process.</summary>
    public int Pid { get; }

    /// <summary>Its threads, the leader first (unless the leader has ended already).</summary>
    public IReadOnlyList<TracedThread> Threads => threads;

    /// <summary>Whether the leader has ended while other threads live.</summary>
    public bool LeaderHasEnded => threads[0].Tid != Pid;

    /// <summary>The signal by which job control had stopped the process before we came; 0 for one that ran.</summary>
    public int GroupStopSignal => threads[0].GroupStopSignal;

    /// <summary>Seizes a process with a guard of its own, which ends with the tracee.</summary>
    /// <exception cref="ParasiteException">No such process, a zombie, traced already, no privilege, or it does not stop.</exception>
    public static Tracee Seize(int pid)
    {
        var guard = Guard.Start();
        try
        {
            return Seize(guard, pid, TimeSpan.FromSeconds(10), ownsGuard: true);
        }
        catch
        {
            guard.Dispose();
            throw;
        }
    }

    internal static Tracee Seize(Guard guard, int pid, TimeSpan timeout, bool ownsGuard = false)
    {
        var tracee = new Tracee(guard, pid, timeout, ownsGuard);
        try
        {
            tracee.SeizeAll();
            return tracee;
        }
        catch
        {
            tracee.LetGo();
            throw;
        }
    }

    /// <summary>
    /// Threads are born while we seize: only an empty round proves that none is left. A thread that called execve meanwhile took over the leader's id: what was
    /// read of the leader then belongs to nobody, so look again until nothing has changed.
    /// </summary>
    private void SeizeAll()
    {
        var known = new HashSet<int>();
        do
            while (NewThreads(known) is { Count: > 0 } tids)
                foreach (int[] some in tids.Chunk(ThreadsInRound))
                    SeizeRound(Array.ConvertAll(some, tid => new TracedThread(guard, tid)), known);
        while (known.Count > 1 && !IsAsSeen(known));
        if (threads.Count == 0)
            throw Refusal(Pid, -Errno.ESRCH);
        foreach (var thread in threads)
            thread.NoteStop();
    }

    private List<int> NewThreads(HashSet<int> known)
    {
        var fresh = ProcTask.Threads(Pid);
        fresh.RemoveAll(tid => !known.Add(tid));
        return fresh;
    }

    /// <summary>One round trip for any number of threads. All are interrupted before the first is waited for, so they stop side by side.</summary>
    private void SeizeRound(TracedThread[] round, HashSet<int> known)
    {
        var batch = guard.NewBatch();
        // Those that stopped go at once, even while one that has not (a vfork parent) holds the guard back.
        SyscallRecord[] atOnce = [.. round.SelectMany(t => PtraceSteps.DetachIfStopped(t))];
        SyscallRecord[] leave = PtraceSteps.HoldAndDetach(guard, [.. round.AsEnumerable().Reverse()]);      // the leader last
        guard.Will.BeginPending(batch, [.. atOnce, .. leave]);
        int options = SeizeOptions();
        Guard.BeginAlarm(batch);
        foreach (var thread in round)
            thread.AddSeize(batch, options);
        Guard.EndAlarm(batch);
        guard.Run(batch);
        var seized = new List<TracedThread>(round.Length);
        long refused = 0;
        foreach (var thread in round)
            if (thread.SeizeResult == 0)
                seized.Add(thread);
        foreach (var thread in round)
            if (thread.SeizeResult != 0 && ProcTask.IsAlive(Pid, thread.Tid) && !MayBeExecuting(thread, known, threads.Count + seized.Count > 0))
                refused = thread.SeizeResult;
        TakeStops(seized, round, () => guard.Will.RunPending(atOnce.Length));
        var done = guard.NewBatch();
        guard.Will.Push(done, owner, leave);
        guard.Will.EndPending(done);
        guard.Run(done);
        if (refused != 0)
            throw Refusal(Pid, refused);
        seized.RemoveAll(t => !t.Status.Value.IsStopped);          // died meanwhile
        threads.AddRange(seized);
        foreach (var thread in seized)
            DeliverSignals(thread);
    }

    /// <summary>
    /// A thread in execve ends the others, the leader as well, and takes over the leader's id: whoever was refused in between (EPERM: a thread that is ending) is gone,
    /// and his id is tried again.
    /// </summary>
    private bool MayBeExecuting(TracedThread refused, HashSet<int> known, bool othersWereNot)
    {
        bool isEnding = refused.SeizeResult == -Errno.EPERM && (othersWereNot || ProcTask.HasCapability(Capability.SYS_PTRACE)) && !ProcTask.IsTraced(Pid, refused.Tid);
        if (!isEnding && refused.SeizeResult is not (-Errno.EINTR or -Errno.ESRCH) || Environment.TickCount64 > retryUntil)
            return false;
        known.Remove(refused.Tid);
        Thread.Sleep(1);
        return true;
    }

    /// <summary>Never waits without limit: a vfork parent stops only when its child has gone.</summary>
    private void TakeStops(List<TracedThread> waiting, TracedThread[] round, Action freeTheOthers)
    {
        for (long deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds; waiting.Count > 0;)
        {
            var batch = guard.NewBatch();
            batch.Add(guard.AwaitSomeStop());
            foreach (var other in threads.Concat(round).Except(waiting))
                batch.AddAll(PtraceSteps.TakeStopIfAny(other));      // killed meanwhile? The end of a leader, and an execve, wait for this
            foreach (var thread in waiting)
                thread.AddTake(batch);
            guard.Run(batch);
            waiting = waiting.FindAll(t => t.IsStillRunning);
            if (waiting.Count == 0 || Environment.TickCount64 < deadline)
                continue;
            freeTheOthers();
            guard.WillWaitLong();
            throw new ParasiteException(
                $"thread {waiting[0].Tid} of pid {Pid} does not stop within {timeout.TotalSeconds:0.#} s: it waits for a vfork child, or for a device. It runs on");
        }
    }

    /// <summary>A genuine signal can win over our INTERRUPT: the thread takes it now, and stops right behind it.</summary>
    private void DeliverSignals(TracedThread thread)
    {
        while (thread.Status.Value.IsGenuineSignal)
        {
            var batch = guard.NewBatch();
            thread.AddDeliver(batch, threads);
            guard.Run(batch);
        }
    }

    /// <summary>Whether every thread is still in the stop that was taken; takes the stops that came since.</summary>
    private bool IsAsSeen(HashSet<int> known)
    {
        var batch = guard.NewBatch();
        var regs = batch.New<Registers>();
        var looks = threads.ConvertAll(t =>
            (Thread: t, Wait: batch.Add(PtraceSteps.TakeStopIfAny(t)[0]),
                Regs: batch.Add(PtraceSteps.GetRegset(t.Tid, Ptrace.NT_PRSTATUS, batch.Vector(regs)))));
        guard.Run(batch);
        var changed = looks.FindAll(l => l.Wait.Value == l.Thread.Tid || l.Regs.Value == -Errno.ESRCH).ConvertAll(l => l.Thread);
        if (changed.Count == 0)
            return true;
        var again = guard.NewBatch();
        foreach (var thread in changed)
        {
            again.Store64(thread.Status.Remote, 0);
            again.Add(PtraceSteps.Interrupt(thread.Tid));
        }
        guard.Run(again);
        TakeStops(changed, [], () => { });
        threads.RemoveAll(t => !t.Status.Value.IsStopped);
        foreach (var thread in threads)
            DeliverSignals(thread);
        known.IntersectWith(threads.Select(t => t.Tid));       // who took over an id that we knew is somebody new
        return false;
    }

    private int SeizeOptions() => Ptrace.O_TRACESYSGOOD | (ProcTask.HasSeccomp(Pid, Pid) ? Ptrace.O_SUSPEND_SECCOMP : 0);

    private static ParasiteException Refusal(int pid, long result)
    {
        string? tracer = ProcTask.Status(pid, "TracerPid:");
        if (ProcTask.Status(pid, "State:") is not { } state)
            return new ParasiteException("PTRACE_SEIZE", $"pid {pid}", Errno.ESRCH, "no such process");
        if (tracer != "0")
            return new ParasiteException("PTRACE_SEIZE", $"pid {pid}", (int)-result, $"it is traced by pid {tracer} already: end that tracer first");
        if (state[0] is 'Z' or 'X')
            return new ParasiteException("PTRACE_SEIZE", $"pid {pid}", (int)-result, "it is a zombie: only its parent can end it");
        return new ParasiteException("PTRACE_SEIZE", $"pid {pid}", (int)-result, NoPrivilege);
    }

    /// <summary>Lets the process go as it was; what it runs into next is its own doing.</summary>
    public void Dispose()
    {
        LetGo();
        arena?.Dispose();
        if (ownsGuard)
            guard.Dispose();
    }

    private void LetGo()
    {
        if (!isHeld)
            return;
        guard.Guarded(() => guard.Will.Undo(owner));
        WasLetGo();
    }

    internal void WasLetGo()
    {
        isHeld = false;
        guard.Held.Remove(this);
        guard.ForgetKept();
    }

    /// <summary>Stops the process by SIGSTOP as well: once let go it stays stopped, without having run an instruction.</summary>
    public void StopForGood()
    {
        var batch = guard.NewBatch();
        batch.Call(Nr.kill, Pid, Signals.SIGSTOP);
        guard.Run(batch);
    }

    /// <summary>Kills what is held, instead of letting it go.</summary>
    public void Kill() => guard.Kill([this], [], []);

    /// <summary>A thread without its robust list marks no mutex when it is killed.</summary>
    internal void AddRobustListRemoval(SyscallBatch batch, TracedThread thread)
    {
        const int EmptyHead = 24;                       // sizeof(struct robust_list_head)
        var others = threads.FindAll(t => t != thread);
        var call = batch.New(thread.Regs.Value.Calling(place.Blob + Blob.SyscallOffset, Nr.set_robust_list, 0, EmptyHead));
        batch.AddAll(PtraceSteps.Hold(guard, [thread], others));
        batch.AddAll(PtraceSteps.RemoteCall(guard, thread, batch.Vector(call), others));
    }

    internal void AddKill(SyscallBatch batch)
    {
        batch.Store64(owner.Active.Remote, 0);          // nothing is left to lead home
        batch.Try(Nr.kill, Pid, Signals.SIGKILL);
    }

    internal void AddReaping(SyscallBatch batch)
    {
        foreach (var thread in threads.AsEnumerable().Reverse())
            batch.Add(PtraceSteps.Wait(thread.Tid, thread.Status));         // the leader last: it is not reported before
    }

    internal void WasKilled()
    {
        guard.Will.Forget(owner);
        WasLetGo();
    }

    /// <summary>Signals that wait for a thread, or for the whole process, now. A thread that runs batches is stopped for it and goes on.</summary>
    /// <param name="thread">One of <see cref="Threads"/>.</param>
    /// <param name="shared">The queue of the process rather than the thread's own.</param>
    /// <returns>siginfo_t as the kernel lays it out, 128 bytes each, in the order of delivery.</returns>
    public List<byte[]> PendingSignals(TracedThread thread, bool shared)
    {
        const int Chunk = 32;
        bool isRunning = Array.Exists(puppets, p => p.Tid == thread.Tid);
        var found = new List<byte[]>();
        while (true)
        {
            var batch = guard.NewBatch();
            var args = batch.New(new PeekSiginfoArgs { Offset = (ulong)found.Count, Flags = shared ? Ptrace.PEEKSIGINFO_SHARED : 0u, Count = Chunk });
            var into = batch.NewArray<byte>(Chunk * Signals.SiginfoSize);
            batch.AddAll(PtraceSteps.Hold(guard, [thread], threads.Where(t => t != thread)));
            var count = batch.Try(Nr.ptrace, Ptrace.PEEKSIGINFO, thread.Tid, args.Remote, into.Remote);
            if (isRunning)
                batch.AddAll(PtraceSteps.Release(thread, Ptrace.CONT));
            guard.Run(batch);
            if (count.Failed)
                throw new ParasiteException("PTRACE_PEEKSIGINFO", $"thread {thread.Tid} of pid {Pid}", (int)-count.Value);
            for (int i = 0; i < count.Value; i++)
                found.Add(into.Span.Slice(i * Signals.SiginfoSize, Signals.SiginfoSize).ToArray());
            if (count.Value < Chunk)
                return found;
        }
    }
}
