using Linux.Abi;

namespace Criu.Parasite;

/// <summary>Putting the blob into a process that is held.</summary>
public sealed partial class Tracee
{
    private const long MainSpace = 512 << 10, ThreadSpace = 16 << 10;      // bytes of arena: for the process, for each further thread

    private readonly bool opensMapFiles = MayOpenMapFiles;
    private Arena? arena;
    private Slot<Registers> closeArena;
    private PuppetPlace place;
    private Puppet[] puppets = [];

    /// <summary>Whether this process may open what others have mapped, through /proc/P/map_files: with CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN.</summary>
    public static bool MayOpenMapFiles => ProcTask.HasCapability(Capability.CHECKPOINT_RESTORE) || ProcTask.HasCapability(Capability.SYS_ADMIN);

    /// <summary>First address of what is ours in the process, and the first behind it; both 0 before <see cref="Inject"/>.</summary>
    public (long Start, long End) Place => puppets.Length == 0 ? default : (place.Blob, place.End);

    /// <summary>The threads that run batches, in the order of <see cref="Threads"/>; empty before <see cref="Inject"/>.</summary>
    public IReadOnlyList<Puppet> Puppets => puppets;

    /// <summary>A batch for the process, to be run by its first thread.</summary>
    /// <exception cref="ParasiteException">The blob could not be put into the process.</exception>
    public SyscallBatch NewBatch()
    {
        if (puppets.Length == 0)
            Inject(allThreads: false);
        return puppets[0].NewBatch();
    }

    /// <summary>Runs a batch of <see cref="NewBatch"/>.</summary>
    /// <exception cref="BatchException">A call that had to succeed did not.</exception>
    public void Run(SyscallBatch batch) => puppets[0].Run(batch);

    /// <summary>
    /// Puts the blob into the process and starts it in its threads, in one round trip: two mmaps between syscall-stops, the code by
    /// POKEDATA, then the registers. From then on a batch costs no stop.
    /// </summary>
    /// <param name="allThreads">Every thread becomes a puppet; else only one, and never the leader where there is another.</param>
    public void Inject(bool allThreads)
    {
        List<TracedThread> hosts = allThreads ? threads : [threads[^1]];
        SuspendSeccomp(hosts);
        var space = AddressSpace.Read(Pid, hosts[^1].Tid);
        place = PuppetPlace.Within(space, MainSpace + (hosts.Count - 1) * ThreadSpace);
        long gadget = Vdso.SyscallIn(space, Pid);
        foreach (var host in hosts)
            host.Regs.Value = host.Home();

        var batch = guard.NewBatch();
        guard.Will.Push(batch, owner, LeaveSteps(hosts, gadget));
        var answers = AddMapping(batch, hosts, gadget);
        AddCode(batch, hosts);
        for (int i = 0; i < hosts.Count; i++)
            AddStart(batch, hosts[i], place.Arena + SliceOffset(i));
        try
        {
            guard.Run(batch);
        }
        catch (BatchException e) when (e.Call == Syscall.Ptrace)
        {
            throw Refused(answers, e);
        }
        Connect(hosts);
    }

    /// <summary>Filters are a thread's own, and one may have come between our look at the leader and the seize.</summary>
    private void SuspendSeccomp(List<TracedThread> hosts)
    {
        var filtered = hosts.FindAll(h => (h.Options & Ptrace.O_SUSPEND_SECCOMP) == 0 && ProcTask.HasSeccomp(Pid, h.Tid));
        if (filtered.Count == 0)
            return;
        var batch = guard.NewBatch();
        var answers = filtered.ConvertAll(h => h.AddSuspendSeccomp(batch));
        guard.Run(batch);
        if (answers.Exists(a => a.Failed))
            throw new ParasiteException("PTRACE_SETOPTIONS", $"pid {Pid}", (int)-answers.Find(a => a.Failed).Value, NoPrivilege);
    }

    /// <summary>What the will holds from before the first change: unmapping what is not mapped is harmless, and so are a task's own registers.</summary>
    private SyscallRecord[] LeaveSteps(List<TracedThread> hosts, long gadget)
    {
        var unmap = guard.Keep(hosts[^1].Regs.Value.Calling(gadget, Nr.munmap, place.Blob, place.Size));
        closeArena = guard.Keep(hosts[^1].Regs.Value.Calling(gadget, Nr.close, -1));       // EBADF, until there is something to close
        return
        [
            .. PtraceSteps.Hold(guard, hosts, threads.Except(hosts)),
            .. PtraceSteps.RemoteCall(hosts[^1], guard.KeepVector(unmap)),
            .. PtraceSteps.RemoteCall(hosts[^1], guard.KeepVector(closeArena)),
            .. hosts.Select(h => PtraceSteps.SetRegset(h.Tid, Ptrace.NT_PRSTATUS, h.RegsVector)),
            .. hosts.Select(h => PtraceSteps.SetMask(h.Tid, h.MaskSlot)),
        ];
    }

    /// <returns>The registers after each call: rax tells why one failed.</returns>
    private List<Slot<Registers>> AddMapping(SyscallBatch batch, List<TracedThread> hosts, long gadget)
    {
        var all = batch.New(~0UL);
        foreach (var thread in hosts)
            batch.Add(PtraceSteps.SetMask(thread.Tid, all));
        var (host, home) = (hosts[^1], hosts[^1].Regs.Value);          // not the leader, where there is a choice
        var blob = AddRemoteCall(batch, host, home.Calling(gadget, Nr.mmap, place.Blob, PuppetPlace.BlobSize, Mman.PROT_READ | Mman.PROT_EXEC,
            Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_FIXED_NOREPLACE, -1, 0));
        var arenaCall = home.Calling(gadget, Nr.mmap, place.Arena, place.ArenaSize, Mman.PROT_READ | Mman.PROT_WRITE,
            Mman.MAP_SHARED | Mman.MAP_FIXED_NOREPLACE | (opensMapFiles ? Mman.MAP_ANONYMOUS : 0), -1, 0);
        return opensMapFiles ? [blob, AddRemoteCall(batch, host, arenaCall)] : [blob, .. AddMemfdMapping(batch, host, home, gadget, arenaCall)];
    }

    /// <summary>For an engine without privilege: a memfd of the target, whose number travels from call to call, and into the will, in the guard's batch.</summary>
    private List<Slot<Registers>> AddMemfdMapping(SyscallBatch batch, TracedThread host, Registers home, long gadget, Registers arenaCall)
    {
        long name = place.Blob + PuppetPlace.BlobSize - sizeof(long);             // zeros: an empty name
        var answer = AddRemoteCall(batch, host, home.Calling(gadget, Nr.memfd_create, name, 0));
        var resize = batch.New(home.Calling(gadget, Nr.ftruncate, -1, place.ArenaSize));
        var map = batch.New(arenaCall);
        batch.Copy(closeArena.Remote + Registers.RdiOffset, answer.Remote + Registers.RaxOffset, sizeof(long));
        batch.Copy(resize.Remote + Registers.RdiOffset, answer.Remote + Registers.RaxOffset, sizeof(long));
        batch.Copy(map.Remote + Registers.R8Offset, answer.Remote + Registers.RaxOffset, sizeof(long));
        batch.AddAll(PtraceSteps.RemoteCall(host, batch.Vector(resize)));
        batch.AddAll(PtraceSteps.RemoteCall(host, batch.Vector(map)));
        return [answer, AddAnswer(batch, host)];
    }

    private static Slot<Registers> AddRemoteCall(SyscallBatch batch, TracedThread thread, Registers regs)
    {
        batch.AddAll(PtraceSteps.RemoteCall(thread, batch.Vector(batch.New(regs))));
        return AddAnswer(batch, thread);
    }

    private static Slot<Registers> AddAnswer(SyscallBatch batch, TracedThread thread)
    {
        var answer = batch.New<Registers>();
        batch.Add(PtraceSteps.GetRegset(thread.Tid, Ptrace.NT_PRSTATUS, batch.Vector(answer)));
        return answer;
    }

    /// <summary>A poke into memory that could not be mapped answers EIO and ends the batch: the will then leads home.</summary>
    private void AddCode(SyscallBatch batch, List<TracedThread> hosts)
    {
        byte[] code = Blob.Code;                        // whole words
        for (int at = 0; at < code.Length; at += sizeof(long))
            batch.Call(Nr.ptrace, Ptrace.POKEDATA, hosts[^1].Tid, place.Blob + at, BitConverter.ToInt64(code, at));
        const long ByFutex = 0xffffffff;                // Socket = -1
        for (int i = 0; i < hosts.Count; i++)
            batch.Call(Nr.ptrace, Ptrace.POKEDATA, hosts[^1].Tid, place.Arena + SliceOffset(i) + ControlOffset.Socket, ByFutex);
    }

    private void AddStart(SyscallBatch batch, TracedThread host, long control)
    {
        var regs = batch.New(host.Regs.Value.Entering(place.Blob, control));
        batch.Add(PtraceSteps.SetRegset(host.Tid, Ptrace.NT_PRSTATUS, batch.Vector(regs)));
        batch.AddAll(PtraceSteps.Release(host, Ptrace.CONT));
    }

    private ParasiteException Refused(List<Slot<Registers>> answers, BatchException e)
    {
        long answer = answers.Select(a => a.Value.Rax).FirstOrDefault(Kernel.Failed);
        if (!ProcTask.IsAlive(Pid, threads[^1].Tid))
            return new ParasiteException($"pid {Pid} ended while it was being prepared");
        return answer == 0
            ? new ParasiteException("injecting", $"pid {Pid}", e.ErrorNumber)
            : new ParasiteException("mapping memory inside", $"pid {Pid}", (int)-answer, -answer switch
            {
                Errno.ENOMEM => "a limit of the process is reached: RLIMIT_AS, RLIMIT_MEMLOCK under mlockall(MCL_FUTURE), or vm.max_map_count; raise it",
                Errno.EMFILE => "RLIMIT_NOFILE of the process is reached; raise it, or run with CAP_CHECKPOINT_RESTORE, which needs no descriptor",
                Errno.EACCES or Errno.EPERM => "a security module forbids executable memory in the process",
                _ => null,
            });
    }

    /// <summary>Shared anonymous memory is opened from outside by its range, with privilege: no descriptor is needed in the target.</summary>
    private void Connect(List<TracedThread> hosts)
    {
        using var file = opensMapFiles
            ? Kernel.Own(ParasiteException.Check(
                Kernel.Open($"/proc/{hosts[^1].Tid}/map_files/{place.Arena:x}-{place.End:x}", Fcntl.O_RDWR), "open", $"the arena in pid {Pid}"))
            : FetchDescriptor(hosts[^1].Tid, (int)closeArena.Value.Rdi);
        arena = new Arena(file, place.ArenaSize, place.Arena);
        puppets = new Puppet[hosts.Count];
        for (int i = 0; i < hosts.Count; i++)
        {
            var host = hosts[i];
            puppets[i] = new Puppet(Pid, host.Tid, new BatchChannel(arena, SliceOffset(i), i == 0 ? MainSpace : ThreadSpace, null, () => Unstick(host)));
        }
        if (!opensMapFiles)
            CloseArenaDescriptor();
    }

    /// <summary>The mapping is enough from here on, and nobody shall take the descriptor for one of the process's own. The will may close it again: EBADF.</summary>
    private void CloseArenaDescriptor()
    {
        var batch = puppets[0].NewBatch();
        batch.Call(Nr.close, (int)closeArena.Value.Rdi);
        puppets[0].Run(batch);
        closeArena.Value.Rdi = -1;
    }

    /// <summary>A descriptor of the process, for us: it shares the open file description, so read, seek and set nothing through it without need.</summary>
    /// <param name="fd">Its number in the process.</param>
    /// <exception cref="ParasiteException">No such descriptor, or no privilege.</exception>
    public Microsoft.Win32.SafeHandles.SafeFileHandle FetchDescriptor(int fd) => FetchDescriptor(threads[^1].Tid, fd);

    private static Microsoft.Win32.SafeHandles.SafeFileHandle FetchDescriptor(int tid, int fd)
    {
        const int PidfdThread = 0x80;                   // O_EXCL: also for a thread that is no leader (6.9)
        long pidfd = Kernel.Call(Nr.pidfd_open, tid, PidfdThread);
        using var process = Kernel.Own(ParasiteException.Check(pidfd == -Errno.EINVAL ? Kernel.Call(Nr.pidfd_open, tid) : pidfd, "pidfd_open", $"thread {tid}"));
        return Kernel.Own(ParasiteException.Check(Kernel.Call(Nr.pidfd_getfd, process.Fd(), fd), "pidfd_getfd", $"descriptor {fd} of thread {tid}"));
    }

    private static long SliceOffset(int host) => host == 0 ? 0 : MainSpace + (host - 1) * ThreadSpace;

    /// <summary>
    /// A puppet that does not answer may have been stopped: SIGSTOP cannot be blocked. It gets its signal, and the group-stop that follows is
    /// passed over; the kernel stops the task for good when it is let go.
    /// </summary>
    private bool Unstick(TracedThread host)
    {
        var batch = guard.NewBatch();
        batch.AddAll(PtraceSteps.KeepGoing(guard, host));
        guard.Run(batch);
        return ProcTask.IsAlive(Pid, host.Tid);
    }
}
