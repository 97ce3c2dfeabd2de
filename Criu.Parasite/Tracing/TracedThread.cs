using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Linux.Abi;

namespace Criu.Parasite;

/// <summary>One thread that the guard holds, and what it was like when it stopped. All of it lies in the guard's arena, where undo records find it.</summary>
public sealed class TracedThread
{
    /// <summary>Bytes of the xsave area for the features that this processor and kernel have switched on.</summary>
    internal static readonly int XstateSize = X86Base.CpuId(0xD, 0).Ebx;

    private StepResult seize, wait;

    internal TracedThread(Guard guard, int tid)
    {
        Guard = guard;
        Tid = tid;
        Status = guard.Keep<WaitStatus>();
        Owed = guard.Keep<long>();
        MaskSlot = guard.Keep<ulong>();
        Regs = guard.Keep<Registers>();
        RegsVector = guard.KeepVector(Regs);
        XstateSlot = guard.Keep<byte>(XstateSize);
        XstateVector = guard.KeepVector(XstateSlot);
        RseqSlot = guard.Keep<RseqConfiguration>();
    }

    /// <summary>Thread id in our pid namespace.</summary>
    public int Tid { get; }

    /// <summary>
    /// Registers as the thread will go on with them: an interrupted system call is made to restart as the kernel would have done, and a restartable sequence is
    /// aborted.
    /// </summary>
    public Registers Registers => Regs.Value;

    /// <summary>Registers as they were at the stop, with the kernel's -ERESTART* codes in rax.</summary>
    public Registers RegistersAtStop { get; private set; }

    /// <summary>The xsave area in the layout of PTRACE_GETREGSET(NT_X86_XSTATE), as large as the processor wants it.</summary>
    public ReadOnlySpan<byte> Xstate => XstateSlot.Span;

    /// <summary>Blocked signals, bit 0 for signal 1.</summary>
    public ulong SignalMask => MaskSlot.Value;

    /// <summary>Address of the rseq area; 0 where the thread has none.</summary>
    public ulong RseqAddress => (ulong)RseqSlot.Value.Area;

    /// <summary>Bytes of the rseq area, as registered.</summary>
    public uint RseqSize => RseqSlot.Value.Size;

    /// <summary>The signature that abort handlers carry.</summary>
    public uint RseqSignature => RseqSlot.Value.Signature;

    /// <summary>The signal by which the thread was stopped (job control) before we came; 0 for one that ran.</summary>
    public int GroupStopSignal { get; private set; }

    internal Guard Guard { get; }

    internal Slot<WaitStatus> Status { get; }

    /// <summary>The signal of the stop that the thread is in, to be given back when it goes on.</summary>
    internal Slot<long> Owed { get; }

    internal Slot<ulong> MaskSlot { get; }
    internal Slot<Registers> Regs { get; }
    internal Slot<IoVector> RegsVector { get; }
    internal Slot<byte> XstateSlot { get; }
    internal Slot<IoVector> XstateVector { get; }
    internal Slot<RseqConfiguration> RseqSlot { get; }

    internal int Options { get; private set; }

    internal void AddSeize(SyscallBatch batch, int options)
    {
        Options = options;
        seize = batch.Add(PtraceSteps.Seize(Tid, options));
        batch.Add(PtraceSteps.Interrupt(Tid));
    }

    internal StepResult AddSuspendSeccomp(SyscallBatch batch) => batch.Add(PtraceSteps.SetOptions(Tid, Options |= Ptrace.O_SUSPEND_SECCOMP));

    /// <summary>For a second guard: the first one's death has set the thread free.</summary>
    internal void AddSeizeAgain(SyscallBatch batch)
    {
        batch.Store64(Status.Remote, 0);
        batch.Store64(Owed.Remote, 0);
        batch.Add(PtraceSteps.Seize(Tid, Options));
        batch.Add(PtraceSteps.Interrupt(Tid));
    }

    /// <summary>The kernel's answer to PTRACE_SEIZE: 0 or -errno. Read right after its batch.</summary>
    internal long SeizeResult => seize.Value;

    /// <summary>Takes the stop if it has come (never blocks), and what the thread is like in it.</summary>
    internal void AddTake(SyscallBatch batch)
    {
        var steps = PtraceSteps.TakeStopIfAny(this);
        wait = batch.Add(steps[0]);
        batch.AddAll(steps[1..]);
        AddRead(batch);
    }

    /// <summary>Seized, but not stopped yet.</summary>
    internal bool IsStillRunning => wait.Value == 0;

    internal void AddRead(SyscallBatch batch)
    {
        batch.Add(PtraceSteps.GetMask(Tid, MaskSlot));
        batch.Add(PtraceSteps.GetRegset(Tid, Ptrace.NT_PRSTATUS, RegsVector));
        batch.Add(PtraceSteps.GetRegset(Tid, Ptrace.NT_X86_XSTATE, XstateVector));
        batch.Add(PtraceSteps.GetRseq(Tid, RseqSlot));
    }

    /// <summary>Lets the thread take a genuine signal now and stop right behind it: one trap is already due when it goes on.</summary>
    internal void AddDeliver(SyscallBatch batch, IEnumerable<TracedThread> threads)
    {
        batch.Add(PtraceSteps.Interrupt(Tid));
        batch.AddAll(PtraceSteps.Release(this, Ptrace.CONT));
        batch.AddAll(PtraceSteps.AwaitStops(Guard, [this], threads.Where(t => t != this)));
        AddRead(batch);
    }

    /// <summary>A stop that SIGSTOP and its like made, rather than our INTERRUPT (SIGTRAP).</summary>
    internal void NoteStop()
    {
        const int Trap = 5;
        var status = Status.Value;
        if (status.IsStopped && status.Event == Ptrace.EVENT_STOP && status.Signal != Trap)
            GroupStopSignal = status.Signal;
        RegistersAtStop = Regs.Value;
    }

    /// <summary>
    /// Registers to go home with after calls of ours. A restartable sequence must be aborted by us: the kernel forgets it at our first call, and
    /// the rest of it would run as if it had been atomic.
    /// </summary>
    internal Registers Home()
    {
        var regs = RegistersAtStop.Resumable();
        Span<long> word = stackalloc long[1];
        if (RseqSlot.Value.Area == 0 || !Read(RseqSlot.Value.Area + 8, word) || word[0] == 0)
            return regs;
        Span<long> section = stackalloc long[4];        // version and flags, start_ip, post_commit_offset, abort_ip
        const long NoRestartOnSignal = 2L << 32;
        if (Read(word[0], section) && (section[0] & NoRestartOnSignal) == 0 && (ulong)(regs.Rip - section[1]) < (ulong)section[2])
            regs.Rip = section[3];
        return regs;
    }

    /// <summary>By the thread's own id: a leader that has ended has no memory.</summary>
    private bool Read(long address, Span<long> into)
    {
        var bytes = MemoryMarshal.AsBytes(into);
        return RemoteMemory.TryRead(Tid, address, bytes) == bytes.Length;
    }
}
