using Linux.Abi;

namespace Criu.Parasite;

/// <summary>Records for the guard, each good for a batch and for the will alike.</summary>
internal static class PtraceSteps
{
    public static SyscallRecord Seize(int tid, int options) => Request(Ptrace.SEIZE, tid, 0, options);
    public static SyscallRecord Interrupt(int tid) => Request(Ptrace.INTERRUPT, tid, 0, 0);
    public static SyscallRecord Continue(int tid) => Request(Ptrace.CONT, tid, 0, 0);
    public static SyscallRecord Detach(int tid) => Request(Ptrace.DETACH, tid, 0, 0);
    public static SyscallRecord SetOptions(int tid, int options) => Request(Ptrace.SETOPTIONS, tid, 0, options);
    public static SyscallRecord GetMask(int tid, Slot<ulong> mask) => Request(Ptrace.GETSIGMASK, tid, mask.Bytes, mask.Remote);
    public static SyscallRecord SetMask(int tid, Slot<ulong> mask) => Request(Ptrace.SETSIGMASK, tid, mask.Bytes, mask.Remote);
    public static SyscallRecord GetRegset(int tid, int note, Slot<IoVector> vector) => Request(Ptrace.GETREGSET, tid, note, vector.Remote);
    public static SyscallRecord SetRegset(int tid, int note, Slot<IoVector> vector) => Request(Ptrace.SETREGSET, tid, note, vector.Remote);
    public static SyscallRecord GetRseq(int tid, Slot<RseqConfiguration> rseq) => Request(Ptrace.GET_RSEQ_CONFIGURATION, tid, rseq.Bytes, rseq.Remote);

    public const int NoHang = 1;        // WNOHANG

    /// <summary>Always by tid: waiting for anyone costs more with every stopped tracee. A dead tid answers ECHILD at once.</summary>
    public static SyscallRecord Wait(int tid, Slot<WaitStatus> status, int options = 0) =>
        new(Nr.wait4, 0, tid, status.Remote, Sched.WALL | options, 0);

    /// <summary>
    /// Takes a stop, and notes the signal that it owes the thread. A genuine signal (SIGSTOP cannot be blocked) would be lost unless it is
    /// given back when the thread goes on; for an event stop the kernel ignores what is given.
    /// </summary>
    public static SyscallRecord[] TakeStop(TracedThread t) => [Wait(t.Tid, t.Status), NoteOwed(t)];

    /// <summary>The same, if there is one. If not, nothing is noted: the signal of an earlier syscall-stop (0x85) is owed to nobody.</summary>
    public static SyscallRecord[] TakeStopIfAny(TracedThread t) => [Wait(t.Tid, t.Status, NoHang), NotYet(2, wait: 1), NoteOwed(t)];

    private static SyscallRecord NoteOwed(TracedThread t) => new(SyscallRecord.Copy, 0, t.Owed.Remote, t.Status.Remote + WaitStatus.SignalOffset, 1);

    /// <summary>
    /// Waits until each of these threads has stopped or ended: all of them are looked at in turn, and none is slept for in wait4. A leader that was killed is
    /// reported only once all its traced threads were waited for, and a thread in execve goes on only once they were. And when it goes on it swaps ids with the
    /// leader before the leader's tracer is woken: who sleeps for either id is passed over (fs/exec.c de_thread, kernel/exit.c child_wait_callback), and
    /// would sleep on although nobody is left to wait for.
    /// </summary>
    /// <param name="guard">Who waits.</param>
    /// <param name="threads">For whom.</param>
    /// <param name="others">Threads of the same process that are held already: they may have been killed.</param>
    public static SyscallRecord[] AwaitStops(Guard guard, IEnumerable<TracedThread> threads, IEnumerable<TracedThread> others) =>
        Repeat(guard, [.. threads.SelectMany(t => LookAt(guard, t)), .. others.SelectMany(TakeStopIfAny)]);

    private static SyscallRecord[] LookAt(Guard guard, TracedThread t) =>
    [
        .. TakeStopIfAny(t),
        NotYet(2, wait: 3),
        guard.Always(3),                                                                        // stopped now, or gone
        SyscallRecord.Jump(2, t.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped),         // stopped before
        SyscallRecord.Store(guard.Missing.Remote, 1),
    ];

    /// <summary>The same looks again after each stop of somebody, as long as one of them misses somebody.</summary>
    private static SyscallRecord[] Repeat(Guard guard, SyscallRecord[] looks) =>
    [
        SyscallRecord.Store(guard.Missing.Remote, 0),
        .. looks,
        SyscallRecord.Jump(3, guard.Missing.Remote, mask: -1, value: 0),
        guard.AwaitSomeStop(),
        guard.Always(-looks.Length - 3),
    ];

    /// <summary>Goes on that many records from here if the wait, so many records back, answered "not yet".</summary>
    private static SyscallRecord NotYet(int records, int wait) => SyscallRecord.JumpRelative(records, -wait * SyscallRecord.Size + RecordOffset.Result, mask: -1, value: 0);

    /// <summary>
    /// CONT, SYSCALL or DETACH, with the signal that the last stop owes. Status is cleared first, always: it says "stopped, and the stop was taken" as
    /// long as that is true and no longer, or a later wait would be left out, or never return.
    /// </summary>
    public static SyscallRecord[] Release(TracedThread t, int request) =>
    [
        SyscallRecord.Store(t.Status.Remote, 0),
        SyscallRecord.CopyToNext(argument: 3, t.Owed.Remote, sizeof(long)),
        Request(request, t.Tid, 0, 0),
    ];

    /// <summary>Stops the threads, or leaves them stopped: waiting for a stop that was taken already would never end.</summary>
    /// <param name="guard">Who waits.</param>
    /// <param name="threads">Whom to stop.</param>
    /// <param name="others">Threads of the same process that are held and go on: they may have been killed.</param>
    public static SyscallRecord[] Hold(Guard guard, IReadOnlyList<TracedThread> threads, IEnumerable<TracedThread> others) =>
        [.. threads.SelectMany(InterruptUnlessStopped), .. AwaitStops(guard, threads, others)];

    /// <summary>
    /// Stops the threads and lets each go as soon as it stops: one that does not (a vfork parent) shall not keep the others. A thread that is dying is reaped: left
    /// alone, it would hide its leader's end.
    /// </summary>
    public static SyscallRecord[] HoldAndDetach(Guard guard, IReadOnlyList<TracedThread> threads) =>
        [.. threads.SelectMany(InterruptUnlessStopped), .. Repeat(guard, [.. threads.SelectMany(t => LookAndDetach(guard, t))])];

    private static SyscallRecord[] InterruptUnlessStopped(TracedThread t) =>
        [SyscallRecord.Jump(2, t.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped), Interrupt(t.Tid)];

    private static SyscallRecord[] LookAndDetach(Guard guard, TracedThread t)
    {
        SyscallRecord[] take = TakeStopIfAny(t), detach = Release(t, Ptrace.DETACH);
        return
        [
            SyscallRecord.Jump(take.Length + 4, t.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped),
            .. take,
            NotYet(detach.Length + 6, wait: 3),
            SyscallRecord.Jump(2, t.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped),
            guard.Always(detach.Length + 5),                    // gone
            .. detach,
            Wait(t.Tid, t.Status, NoHang),                      // ECHILD, or it is dying
            NotYet(2, wait: 1),
            guard.Always(2),
            SyscallRecord.Store(guard.Missing.Remote, 1),
        ];
    }

    /// <summary>
    /// Lets a puppet that was stopped go on, several times: SIGSTOP is followed by a group-stop, and each SIGCONT that came since makes it trap once more. One
    /// look in many milliseconds would never get it to run while somebody sends them all the time.
    /// </summary>
    public static SyscallRecord[] KeepGoing(Guard guard, TracedThread t)
    {
        const int Rounds = 16;
        SyscallRecord[] take = TakeStopIfAny(t), release = Release(t, Ptrace.CONT);
        int length = take.Length + 2 + release.Length + 1;
        var steps = new List<SyscallRecord>();
        for (int left = Rounds * length; left > 0; left -= length)
            steps.AddRange(
            [
                .. take,
                SyscallRecord.Jump(2, t.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped),         // now, or when another was waited for
                guard.Always(left - take.Length - 1),           // it runs, or has ended
                .. release,
                guard.AwaitSomeStop(),
            ]);
        return [.. steps];
    }

    /// <summary>Never blocks, and lets go only in a stop that was taken: in another, the signal that it owes would be lost.</summary>
    public static SyscallRecord[] DetachIfStopped(TracedThread t)
    {
        SyscallRecord[] take = TakeStopIfAny(t), detach = Release(t, Ptrace.DETACH);
        return
        [
            SyscallRecord.Jump(1 + take.Length, t.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped), .. take,
            SyscallRecord.Jump(1 + detach.Length, t.Status.Remote, WaitStatus.LowByte, 0), .. detach,
        ];
    }

    /// <summary>
    /// One system call of the thread, made from the registers behind <paramref name="vector"/>, held at its exit. Between syscall-stops, never by a
    /// single step: the trap flag would outlive us. Where a process has several threads, not by the leader, whose end would not be reported.
    /// </summary>
    public static SyscallRecord[] RemoteCall(TracedThread t, Slot<IoVector> vector) => RemoteCall(t, vector, TakeStop(t));

    /// <summary>The same in a leader: if it is killed meanwhile, its end is reported after that of the others.</summary>
    public static SyscallRecord[] RemoteCall(Guard guard, TracedThread t, Slot<IoVector> vector, IEnumerable<TracedThread> others) => RemoteCall(t, vector, AwaitStops(guard, [t], others));

    private static SyscallRecord[] RemoteCall(TracedThread t, Slot<IoVector> vector, SyscallRecord[] take) =>
        [SetRegset(t.Tid, Ptrace.NT_PRSTATUS, vector), .. NextSyscallStop(t, take), .. NextSyscallStop(t, take)];

    /// <summary>Passes over stops of other kinds: SIGSTOP, the group-stop that follows it, a trap of INTERRUPT that was still due.</summary>
    private static SyscallRecord[] NextSyscallStop(TracedThread t, SyscallRecord[] take)
    {
        SyscallRecord[] step = [.. Release(t, Ptrace.SYSCALL), .. take];
        return
        [
            .. step,
            SyscallRecord.Jump(-step.Length, t.Status.Remote, WaitStatus.KindMask, WaitStatus.Stopped),
            SyscallRecord.Store(t.Owed.Remote, 0),      // from a syscall-stop, a SIGTRAP would really be delivered
        ];
    }

    private static SyscallRecord Request(int request, int tid, long address, long data) =>
        new(Nr.ptrace, 0, request, tid, address, data);
}

/// <summary>What wait4 stored: the low byte 0x7f for a stop, then the signal, then the ptrace event.</summary>
internal struct WaitStatus
{
    public int Value, Pad;

    /// <summary>With PTRACE_O_TRACESYSGOOD a syscall-stop has bit 7 of its signal set: 0x857f. Any other stop is 0x..7f without it.</summary>
    public const int KindMask = 0x80ff, LowByte = 0xff, Stopped = 0x7f;

    public const int SignalOffset = 1;

    public readonly bool IsStopped => (Value & LowByte) == Stopped;
    public readonly int Signal => (Value >> 8) & 0xff;
    public readonly int Event => Value >> 16;
    public readonly bool IsGenuineSignal => IsStopped && Event == 0;
}
