using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// Processes that are being made: a root from a stub, everyone else cloned by batches of their parents. All are traced by the guard from birth with EXITKILL, so until
/// <see cref="LetGo"/> the death of engine or guard ends them all.
///
/// They share one arena, mapped at one address that is free in all of them, and a slice of it belongs to each thread.
/// </summary>
public sealed class PuppetTree : IDisposable
{
    private const long RootSocketSpace = 256 << 10;     // bytes; the root's slice

    private readonly Guard guard;
    private readonly PuppetPlace place;
    private readonly Stub stub;
    private readonly Dictionary<int, TracedThread> threads = [];
    private readonly Registers stubRegisters;
    private long used;

    private PuppetTree(Guard guard, PuppetPlace place, Stub stub)
    {
        (this.guard, this.place, this.stub) = (guard, place, stub);
        used = RootSocketSpace;
        Root = new Puppet(stub.Pid, stub.Pid, stub.Channel);
        threads[stub.Pid] = new TracedThread(guard, stub.Pid);
        stubRegisters = SeizeRoot();
    }

    /// <summary>The root of the tree.</summary>
    public Puppet Root { get; }

    /// <summary>First address of what is ours in every process, and the first behind it.</summary>
    public (long Start, long End) Place => (place.Blob, place.End);

    /// <summary>Makes the root.</summary>
    /// <param name="guard">The tracer.</param>
    /// <param name="request">Which pid, which parent, and what must stay free.</param>
    /// <exception cref="ParasiteException">The pid is taken, or a privilege lacks.</exception>
    public static PuppetTree Start(Guard guard, PuppetTreeRequest request)
    {
        long arena = (RootSocketSpace + request.ArenaBytes + Mman.PageSize - 1) & ~(Mman.PageSize - 1);
        long hole = AddressSpace.MiddleOfLargestHole(request.TakenRanges, PuppetPlace.BlobSize + arena + Mman.PageSize);
        var place = new PuppetPlace(hole, arena);
        const long ExitOffset = RootSocketSpace - SyscallRecord.Size;
        var stub = Stub.Spawn(new StubRequest(place, ExitOffset, ExitOffset, request.RootPid, request.AsSibling ? 0 : Signals.SIGCHLD, request.AsSibling, request.Keep));
        return new PuppetTree(guard, place, stub);
    }

    /// <summary>The stub waits on its socket from birth and the guard takes it there; a dying engine means end of file before, EXITKILL after.</summary>
    private Registers SeizeRoot()
    {
        var root = threads[stub.Pid];
        var batch = guard.NewBatch();
        var regs = batch.New<Registers>();
        Require(batch, PtraceSteps.Seize(root.Tid, Ptrace.O_EXITKILL | Ptrace.O_TRACESYSGOOD));
        Require(batch, PtraceSteps.Interrupt(root.Tid));
        batch.AddAll(PtraceSteps.TakeStop(root));
        Require(batch, PtraceSteps.SetMask(root.Tid, batch.New(~0UL)));
        Require(batch, PtraceSteps.GetRegset(root.Tid, Ptrace.NT_PRSTATUS, batch.Vector(regs)));
        batch.AddAll(PtraceSteps.Release(root, Ptrace.CONT));
        guard.Run(batch);
        return regs.Value;
    }

    /// <summary>Runs the root's first batch, after which it needs its socket no longer: the batch may close every descriptor.</summary>
    public void LeaveSocket(SyscallBatch first) => stub.Channel.LeaveSocket(first);

    /// <summary>
    /// Takes over what batches have just cloned (with CLONE_PTRACE, so that each is held before its first instruction) and starts the blob in each.
    /// </summary>
    /// <param name="clones">Process and thread ids, and bytes of arena for each.</param>
    public IReadOnlyList<Puppet> Adopt(IReadOnlyList<(int Pid, int Tid, long Space)> clones)
    {
        var puppets = new List<Puppet>(clones.Count);
        var batch = guard.NewBatch();
        var all = batch.New(~0UL);
        foreach (var (pid, tid, space) in clones)
        {
            var thread = threads[tid] = new TracedThread(guard, tid);
            var channel = new BatchChannel(stub.Arena, Reserve(space), space, null, () => Unstick(pid, thread));
            channel.Control.Socket = -1;
            puppets.Add(new Puppet(pid, tid, channel));
            batch.AddAll(PtraceSteps.TakeStop(thread));
            var regs = batch.New(stubRegisters.Entering(place.Blob, channel.ControlAddress));
            Require(batch, PtraceSteps.SetRegset(tid, Ptrace.NT_PRSTATUS, batch.Vector(regs)));
            batch.AddAll(PtraceSteps.Release(thread, Ptrace.CONT));
        }
        guard.Run(batch);
        return puppets;
    }

    /// <summary>Waits for the end of a process that was made to be a zombie: its parent may then see it. A signal that ends it stops it first, and is given back.</summary>
    public void AwaitEnd(int pid)
    {
        var thread = threads[pid];
        SyscallRecord[] take = PtraceSteps.TakeStop(thread), release = PtraceSteps.Release(thread, Ptrace.CONT);
        var batch = guard.NewBatch();
        batch.AddAll(take);
        batch.Add(SyscallRecord.Jump(2, thread.Status.Remote, WaitStatus.LowByte, WaitStatus.Stopped));
        batch.Add(SyscallRecord.Jump(release.Length + 2, thread.Status.Remote, mask: 0, value: 0));          // it ended
        batch.AddAll(release);
        batch.Add(SyscallRecord.Jump(-(take.Length + 2 + release.Length), thread.Status.Remote, mask: 0, value: 0));
        guard.Run(batch);
        threads.Remove(pid);
    }

    /// <summary>
    /// Holds everyone and unmaps what is ours: the last call of a process removes the code that makes it, and is caught at its exit, where the next
    /// instruction no longer exists. Then every thread gets its final state. Still nobody runs.
    /// </summary>
    public void SwitchToFinalState(IReadOnlyList<FinalState> states)
    {
        var byProcess = states.GroupBy(s => s.Pid).Select(g => g.ToList()).ToList();
        var answers = UnmapOurselves(states, byProcess);
        for (int i = 0; i < answers.Count; i++)
            if (answers[i].Value.Rax != 0 || !threads[byProcess[i][0].Tid].Status.Value.IsStopped)
                throw new ParasiteException($"pid {byProcess[i][0].Pid} ended in its last step (munmap answered {answers[i].Value.Rax})");
        var batch = guard.NewBatch();
        foreach (var state in states)
            AddFinalState(batch, state);
        guard.Run(batch);
    }

    private List<Slot<Registers>> UnmapOurselves(IReadOnlyList<FinalState> states, List<List<FinalState>> byProcess)
    {
        var batch = guard.NewBatch();
        foreach (var state in states)
            Require(batch, PtraceSteps.Interrupt(state.Tid));
        batch.AddAll(PtraceSteps.AwaitStops(guard, states.Select(s => threads[s.Tid]), []));
        var last = batch.New(stubRegisters.Calling(place.Blob + Blob.SyscallOffset, Nr.munmap, place.Blob, place.Size));
        var answers = new List<Slot<Registers>>();
        foreach (var process in byProcess)
        {
            var host = threads[process[^1].Tid];                            // not the leader, where there is a choice
            var answer = batch.New<Registers>();
            batch.AddAll(PtraceSteps.RemoteCall(host, batch.Vector(last)));
            batch.Add(PtraceSteps.GetRegset(host.Tid, Ptrace.NT_PRSTATUS, batch.Vector(answer)));
            answers.Add(answer);
        }
        guard.Run(batch);
        return answers;
    }

    private static void AddFinalState(SyscallBatch batch, FinalState state)
    {
        Require(batch, PtraceSteps.SetRegset(state.Tid, Ptrace.NT_PRSTATUS, batch.Vector(batch.New(state.Registers))));
        if (state.Xstate.Length > 0)
        {
            var xstate = batch.NewArray<byte>(state.Xstate.Length);
            state.Xstate.Span.CopyTo(xstate.Span);
            Require(batch, PtraceSteps.SetRegset(state.Tid, Ptrace.NT_X86_XSTATE, batch.Vector(xstate)));
        }
        Require(batch, PtraceSteps.SetMask(state.Tid, batch.New(state.SignalMask)));
    }

    /// <summary>Every task is final and free of us: only now EXITKILL goes, on all, and then all go. One batch, so a dying engine changes nothing.</summary>
    /// <param name="states">What <see cref="SwitchToFinalState"/> was given.</param>
    /// <param name="stopped">Processes that shall stay stopped, and by which signal.</param>
    /// <param name="dropped">Pledges that fall as they go, in the same batch.</param>
    /// <param name="first">What the guard does in that batch before they go. It is not seen whether that works.</param>
    public void LetGo(IReadOnlyList<FinalState> states, IReadOnlyDictionary<int, int> stopped, IReadOnlyList<Pledge> dropped, IReadOnlyList<PledgedCall> first)
    {
        var batch = guard.NewBatch();
        foreach (var state in states)
            Require(batch, PtraceSteps.SetOptions(state.Tid, 0));
        foreach (var (pid, signal) in stopped)
            batch.Call(Nr.kill, pid, signal);
        foreach (var call in first)
            batch.AddAll(call.ToRecords(guard));
        foreach (var pledge in dropped)
            batch.Store64(pledge.Owner.Active.Remote, 0);
        foreach (var state in states)
            Require(batch, PtraceSteps.Detach(state.Tid));
        guard.Run(batch);
        foreach (var pledge in dropped)
            pledge.Drop();
    }

    private long Reserve(long space)
    {
        long offset = used;
        used += (space + 63) & ~63L;
        return offset;
    }

    /// <summary>Somebody stopped it (SIGSTOP cannot be blocked), or it is gone.</summary>
    private bool Unstick(int pid, TracedThread thread)
    {
        var batch = guard.NewBatch();
        batch.AddAll(PtraceSteps.KeepGoing(guard, thread));
        guard.Run(batch);
        return ProcTask.IsAlive(pid, thread.Tid);
    }

    private static void Require(SyscallBatch batch, SyscallRecord step) => batch.Add(step with { Flags = SyscallRecord.StopOnError });

    /// <summary>Frees the engine's side. What was not let go ends with the guard.</summary>
    public void Dispose()
    {
        stub.Channel.Close();
        stub.Arena.Dispose();
        stub.Memory.Dispose();
    }
}

/// <summary>How a tree begins.</summary>
/// <param name="RootPid">The pid that the root shall have.</param>
/// <param name="TakenRanges">Ascending address ranges that any process of the tree will use, in bytes.</param>
/// <param name="ArenaBytes">Bytes of arena for everyone but the root.</param>
/// <param name="AsSibling">The root becomes a child of our parent.</param>
/// <param name="Keep">Descriptors of ours that the root inherits, under the same numbers.</param>
public sealed record PuppetTreeRequest(
    int RootPid, IReadOnlyList<(long Start, long End)> TakenRanges, long ArenaBytes, bool AsSibling, IReadOnlyList<int> Keep);

/// <summary>What a thread shall be like when it is let go.</summary>
/// <param name="Pid">Its process.</param>
/// <param name="Tid">Thread id.</param>
/// <param name="Registers">General registers.</param>
/// <param name="Xstate">The xsave area in ptrace's layout; empty leaves it.</param>
/// <param name="SignalMask">Blocked signals, bit 0 for signal 1.</param>
public sealed record FinalState(int Pid, int Tid, Registers Registers, ReadOnlyMemory<byte> Xstate, ulong SignalMask);
