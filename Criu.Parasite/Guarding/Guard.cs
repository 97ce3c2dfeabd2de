using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// The tracer: a tiny process in its own session with all signals blocked, which runs the engine's batches of ptrace and wait4 and holds its will.
/// The .NET process traces nobody, so no thread of it is bound to a target and none can be lost with it. When the engine goes, however it goes, the guard leads every target home.
///
///   arena:  control | batches and their data | will, growing down, exit_group | kept data (registers, masks)
/// </summary>
public sealed class Guard : IDisposable
{
    private const long BatchSpace = 16 << 20, WillSpace = 48 << 20, KeptSpace = 96 << 20;      // bytes; only what is touched exists
    private const long ExitOffset = BatchSpace + WillSpace - SyscallRecord.Size;
    private static readonly PuppetPlace Place = new(0x10000000, BatchSpace + WillSpace + KeptSpace);
    private static readonly StubRequest Request = new(Place, BatchSpace, ExitOffset);

    private readonly Stub stub;
    private readonly Slot<ulong> stopSignal;
    private readonly Slot<(long Seconds, long Nanoseconds)> stopTimeout;
    private readonly long keptForGood;
    private long kept = BatchSpace + WillSpace;
    private bool mayWaitLong, isGone;

    private Guard(Stub stub)
    {
        this.stub = stub;
        Pid = stub.Pid;
        Will = new Will(stub.Arena, stub.Channel, ExitOffset, WillSpace - SyscallRecord.Size, Keep<int>());
        stopSignal = Keep(1UL << (Signals.SIGCHLD - 1));
        Missing = Keep<long>();
        stopTimeout = Keep((Seconds: 0L, Nanoseconds: 5_000_000L));
        keptForGood = kept;
    }

    /// <summary>The guard's pid.</summary>
    public int Pid { get; private set; }

    internal Will Will { get; }

    /// <summary>Not 0 where a look at threads missed one that neither stopped nor ended yet.</summary>
    internal Slot<long> Missing { get; }

    /// <summary>Goes on that many records from here, whatever is.</summary>
    internal SyscallRecord Always(int records) => SyscallRecord.Jump(records, Missing.Remote, mask: 0, value: 0);

    /// <summary>Processes that are held.</summary>
    internal List<Tracee> Held { get; } = [];

    /// <summary>Tests end the engine here: called when a batch has been started, and when it has run.</summary>
    internal Action? BatchBoundary
    {
        set => stub.Channel.Boundary = value;
    }

    /// <summary>Starts a guard.</summary>
    /// <exception cref="ParasiteException">No process, memory or descriptor could be had.</exception>
    public static Guard Start()
    {
        var guard = new Guard(Stub.Spawn(Request));
        guard.Settle();
        return guard;
    }

    /// <summary>Its own session; and no hold on the engine's terminal and pipes: whoever reads them must see their end when the engine ends.</summary>
    private void Settle()
    {
        var batch = NewBatch();
        batch.Call(Nr.setsid);
        batch.Call(Nr.close_range, 0, 2, 0);
        var (handler, restorer) = SeizeAlarm.In(Place);
        var action = batch.New(new KernelSigaction { Handler = handler, Restorer = restorer, Flags = Signals.SA_SIGINFO | Signals.SA_RESTORER | Signals.SA_RESTART });
        batch.Call(Nr.rt_sigaction, Signals.SIGALRM, action.Remote, 0, sizeof(ulong));
        batch.Call(Nr.rt_sigprocmask, Signals.SIG_UNBLOCK, batch.New(1UL << (Signals.SIGALRM - 1)).Remote, 0, sizeof(ulong));
        Run(batch);
    }

    /// <summary>From here on to <see cref="EndAlarm"/> no PTRACE_SEIZE takes longer than this: see <see cref="SeizeAlarm"/>.</summary>
    internal static void BeginAlarm(SyscallBatch batch)
    {
        const long Microseconds = 20_000;
        SetTimer(batch, new IntervalTimer { IntervalMicroseconds = Microseconds, ValueMicroseconds = Microseconds });
    }

    internal static void EndAlarm(SyscallBatch batch) => SetTimer(batch, default);

    private static void SetTimer(SyscallBatch batch, IntervalTimer timer) => batch.Try(Nr.setitimer, 0, batch.New(timer).Remote);       // ITIMER_REAL

    /// <summary>Stops a process with all its threads. Dispose the result to let it go as it was.</summary>
    /// <param name="pid">A process (not a thread) in our pid namespace.</param>
    /// <param name="timeout">How long a thread may take to stop; 10 seconds without it.</param>
    /// <exception cref="ParasiteException">No such process, a zombie, traced already, no privilege, or it does not stop.</exception>
    public Tracee Seize(int pid, TimeSpan? timeout = null) => Tracee.Seize(this, pid, timeout ?? TimeSpan.FromSeconds(10));

    /// <summary>Lets all go that are held, in one batch.</summary>
    public void LetAllGo()
    {
        if (isGone)
            return;
        Guarded(Will.UndoAll);
        foreach (var tracee in Held.ToArray())
            tracee.WasLetGo();
    }

    /// <summary>Kills processes that are held, instead of letting them go. It is one batch, which a guard always finishes: all of them or, should the engine die before, none.</summary>
    /// <param name="tracees">Which, in the order in which they are to die.</param>
    /// <param name="owners">Threads of theirs that own robust mutexes, which shall stay as they are. Their processes are injected.</param>
    /// <param name="dropped">Pledges that fall with them, in the same batch.</param>
    public void Kill(IReadOnlyList<Tracee> tracees, IReadOnlyList<TracedThread> owners, IReadOnlyList<Pledge> dropped)
    {
        var batch = NewBatch();
        foreach (var pledge in dropped)
            batch.Store64(pledge.Owner.Active.Remote, 0);
        var robust = owners.ToHashSet();
        foreach (var tracee in tracees)
            foreach (var thread in tracee.Threads)
                if (robust.Contains(thread))
                    tracee.AddRobustListRemoval(batch, thread);
        foreach (var tracee in tracees)
            tracee.AddKill(batch);
        foreach (var tracee in tracees)
            tracee.AddReaping(batch);
        Run(batch);
        foreach (var pledge in dropped)
            pledge.Drop();
        foreach (var tracee in tracees)
            tracee.WasKilled();
    }

    /// <summary>Something else that it shall do at the end of the engine.</summary>
    public Pledge NewPledge() => new(this);

    internal SyscallBatch NewBatch() => stub.Channel.NewBatch();

    internal void Run(SyscallBatch batch) => Guarded(() => stub.Channel.Run(batch));

    /// <summary>A guard that was killed: a second one leads its targets home.</summary>
    internal void Guarded(Action work)
    {
        try
        {
            work();
        }
        catch (RunnerGoneException)
        {
            int killed = Pid;
            Recover();
            throw new ParasiteException($"the guard {killed} was killed; what it held was led home by another");
        }
    }

    /// <summary>Sleeps until some tracee stops or dies, 5 ms at most: the guard blocks SIGCHLD, which each of these sends.</summary>
    internal SyscallRecord AwaitSomeStop() => new(Nr.rt_sigtimedwait, 0, stopSignal.Remote, 0, stopTimeout.Remote, sizeof(ulong));

    /// <summary>Memory that outlives a batch: what undo records point at. Bytes are zero.</summary>
    internal Slot<T> Keep<T>(int count = 1) where T : unmanaged
    {
        var slot = stub.Arena.At<T>(kept, count);
        slot.Span.Clear();
        kept = (kept + slot.Bytes + 15) & ~15;
        return slot;
    }

    internal Slot<T> Keep<T>(T value) where T : unmanaged
    {
        var slot = Keep<T>();
        slot.Value = value;
        return slot;
    }

    internal Slot<IoVector> KeepVector<T>(Slot<T> slot) where T : unmanaged =>
        Keep(new IoVector { Base = slot.Remote, Length = slot.Bytes });

    /// <summary>Frees all that was kept once nobody is held.</summary>
    internal void ForgetKept()
    {
        if (Held.Count == 0 && Will.IsEmpty)
            kept = keptForGood;
    }

    /// <summary>A thread did not stop: the guard must wait for it, and we must not wait for the guard.</summary>
    internal void WillWaitLong() => mayWaitLong = true;

    /// <summary>
    /// The guard is dead, its arena is not. Its tracees run on: those in the blob wait there. A second guard seizes them again and runs the will.
    /// Lost is who was between two syscall-stops of an injected call, or is filtered by seccomp and was inside our code.
    /// </summary>
    private void Recover()
    {
        Kernel.Call(Nr.wait4, Pid, 0, Sched.WALL);
        var (pid, socket) = Stub.SpawnAgain(Request, stub.Memory, stub.Channel);
        Pid = pid;
        stub.Channel.Adopt(socket);
        Settle();
        var threads = Held.SelectMany(t => t.Threads).ToList();
        var batch = NewBatch();
        BeginAlarm(batch);
        foreach (var thread in threads)
            thread.AddSeizeAgain(batch);
        EndAlarm(batch);
        batch.AddAll(PtraceSteps.AwaitStops(this, threads, []));
        stub.Channel.Run(batch);
        End();
    }

    /// <summary>End of file makes the guard run its will and exit. Dispose waits for that, unless it must wait for a thread that does not stop.</summary>
    public void Dispose()
    {
        if (!isGone)
            End();
        stub.Arena.Dispose();
        stub.Memory.Dispose();
    }

    /// <summary>The engine is gone, as far as the guard can tell; its arena stays readable.</summary>
    internal void Abandon() => stub.Channel.Close();

    private void End()
    {
        isGone = true;
        stub.Channel.Close();
        if (!mayWaitLong)
            Kernel.Call(Nr.wait4, Pid, 0, Sched.WALL);
        foreach (var tracee in Held.ToArray())
            tracee.WasLetGo();
    }
}
