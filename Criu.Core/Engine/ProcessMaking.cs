using Criu.Core.Memory;
using Criu.Core.Resources.Tasks;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>
/// Makes the processes of a tree, parents first, each with its memory before it clones its children. A child is born into its parent's session, so those that
/// belong to the session before must be cloned before their parent begins its own.
/// </summary>
internal sealed class ProcessMaking(PuppetTree tree, MemoryRestore memory, List<RestoreTask> tasks)
{
    public const long ProcessSpace = 128 << 10, ThreadSpace = 16 << 10;      // bytes of arena

    /// <summary>Process groups whose leader has ended: a helper has to be the leader while members join.</summary>
    private readonly List<Puppet> groupHelpers = [];
    private readonly List<RestoreTask> helperParents = [];
    private readonly Dictionary<RestoreTask, int> born = [];

    /// <summary>The descriptor table that a process was cloned with, where it shares its parent's.</summary>
    private readonly Dictionary<RestoreTask, uint> tableAtBirth = [];

    public static long ArenaBytes(List<RestoreTask> tasks)
    {
        long bytes = 0;
        foreach (var task in tasks)
        {
            bytes += 2 * ProcessSpace + task.Threads.Count * ThreadSpace;     // one for a helper
            foreach (var (_, core) in task.Threads)
                bytes += Credentials.SpaceOf(core);
        }
        return bytes;
    }

    public void MakeAll()
    {
        foreach (var task in tasks)
            if (!task.IsZombie)
            {
                memory.Restore(task);
                CloneChildren(task);
            }
    }

    private void CloneChildren(RestoreTask task)
    {
        var left = new List<RestoreTask>(task.Children);
        uint table = tableAtBirth.GetValueOrDefault(task, task.Ids.FilesId);
        Clone(task, Take(left, c => task.IsSessionLeader && BornInto(c) != task.Session), table);
        if (task.IsSessionLeader)
        {
            task.Stream.Room(1).Call(Nr.setsid);
            foreach (var kind in task.Context.Kinds)
                kind.BeginSession(task);
        }
        if (table != task.Ids.FilesId)
        {
            Clone(task, Take(left, c => Needs(c, table)), table);
            task.Stream.Room(1).Call(Nr.unshare, (long)Sched.CLONE_FILES);
        }
        task.Stream.Run();
        Clone(task, left, task.Ids.FilesId);
    }

    private static List<RestoreTask> Take(List<RestoreTask> from, Predicate<RestoreTask> which)
    {
        var taken = from.FindAll(which);
        from.RemoveAll(which);
        return taken;
    }

    /// <summary>Whether a process has this descriptor table, or must pass it on to a child that has.</summary>
    private static bool Needs(RestoreTask task, uint table) => !task.IsZombie && (task.Ids.FilesId == table || task.Children.Exists(c => Needs(c, table)));

    /// <summary>The session that a process must be born into: its own, or, for a leader, that of the children it has from before.</summary>
    private int BornInto(RestoreTask task)
    {
        if (!task.IsSessionLeader)
            return task.Session;
        if (born.TryGetValue(task, out int session))
            return session;
        session = task.Parent?.Session ?? 0;
        foreach (var child in task.Children)
            if (BornInto(child) is var other && other != task.Session && !child.IsSessionLeader)
                session = other;
        return born[task] = session;
    }

    private void Clone(RestoreTask parent, List<RestoreTask> children, uint table)
    {
        if (children.Count == 0)
            return;
        foreach (var child in children)
        {
            bool shares = Needs(child, table);
            AddClone(parent, child.Pid, shares ? Sched.CLONE_FILES : 0);
            if (shares)
                tableAtBirth[child] = table;
        }
        parent.Stream.Run();
        var puppets = tree.Adopt(children.ConvertAll(c => (c.Pid, c.Pid, ProcessSpace + Credentials.SpaceOf(c.Core))));
        for (int i = 0; i < children.Count; i++)
            children[i].Became(puppets[i]);
    }

    /// <summary>Held before its first instruction by CLONE_PTRACE; SIGCHLD tells its parent of its end.</summary>
    private static void AddClone(RestoreTask parent, int pid, ulong flags)
    {
        var batch = parent.Stream.Room(1, CloneArgs.Size + 32);
        var tid = batch.New(pid);
        var args = batch.New(new CloneArgs { Flags = Sched.CLONE_PTRACE | flags, ExitSignal = Signals.SIGCHLD, SetTid = (ulong)tid.Remote, SetTidSize = 1 });
        batch.Call(Nr.clone3, args.Remote, CloneArgs.Size);
    }

    /// <summary>Leaders first, then the members. A group outside the tree is the engine's (--shell-job): who was born into it stays.</summary>
    public void SetProcessGroups()
    {
        var pids = tasks.ConvertAll(t => t.Pid).ToHashSet();
        foreach (var task in tasks)
            if (task.ProcessGroup == task.Pid && !task.IsSessionLeader)
                task.Stream.Room(1).Call(Nr.setpgid, 0L, 0L);
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
        MakeGroupHelpers(pids);
        foreach (var task in tasks)
            if (task.ProcessGroup != task.Pid && IsInReach(task, pids))
                task.Stream.Room(1).Call(Nr.setpgid, 0L, task.ProcessGroup);
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
        EndGroupHelpers();
    }

    private bool IsInReach(RestoreTask task, HashSet<int> pids) => pids.Contains(task.ProcessGroup) || groupHelpers.Exists(h => h.Pid == task.ProcessGroup);

    private void MakeGroupHelpers(HashSet<int> pids)
    {
        foreach (var task in tasks)
        {
            bool isOutside = tasks[0].ProcessGroup == task.ProcessGroup && !pids.Contains(tasks[0].Session);
            if (isOutside || pids.Contains(task.ProcessGroup) || groupHelpers.Exists(h => h.Pid == task.ProcessGroup))
                continue;
            var parent = task.IsZombie && task.Parent != null ? task.Parent : task;
            AddClone(parent, task.ProcessGroup, 0);
            parent.Stream.Run();
            var helper = tree.Adopt([(task.ProcessGroup, task.ProcessGroup, ProcessSpace)])[0];
            groupHelpers.Add(helper);
            helperParents.Add(parent);
            var batch = helper.NewBatch();
            batch.Call(Nr.setpgid, 0L, 0L);
            helper.Run(batch);
        }
    }

    private void EndGroupHelpers()
    {
        for (int i = 0; i < groupHelpers.Count; i++)
        {
            ProcessEnd.Exit(groupHelpers[i], 0);
            tree.AwaitEnd(groupHelpers[i].Pid);
            helperParents[i].Stream.Room(1).Call(Nr.wait4, groupHelpers[i].Pid, 0L, Sched.WALL, 0L);
            helperParents[i].Stream.Run();
        }
    }

    public void MakeThreads()
    {
        const ulong Flags = Sched.CLONE_VM | Sched.CLONE_FS | Sched.CLONE_FILES | Sched.CLONE_SIGHAND | Sched.CLONE_THREAD | Sched.CLONE_SYSVSEM | Sched.CLONE_PTRACE;
        var clones = new List<(int Pid, int Tid, long Space)>();
        foreach (var task in tasks)
            foreach (var (tid, core) in task.Threads)
                if (tid != task.Pid)
                {
                    var batch = task.Stream.Room(1, CloneArgs.Size + 32);
                    var args = batch.New(new CloneArgs { Flags = Flags, SetTid = (ulong)batch.New(tid).Remote, SetTidSize = 1 });
                    batch.Call(Nr.clone3, args.Remote, CloneArgs.Size);
                    clones.Add((task.Pid, tid, ThreadSpace + Credentials.SpaceOf(core)));
                }
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
        var byPid = tasks.ToDictionary(t => t.Pid);
        foreach (var puppet in tree.Adopt(clones))
            byPid[puppet.Pid].ThreadStreams.Add(new BatchStream(puppet));
    }

    /// <summary>Zombies end as they did: by the same code, or the same signal.</summary>
    public void EndZombies()
    {
        foreach (var task in tasks)
            if (task.IsZombie)
            {
                ProcessEnd.End(task);
                tree.AwaitEnd(task.Pid);
            }
        tasks.RemoveAll(t => t.IsZombie);
    }
}

/// <summary>Ends a puppet by its own hand. Its batch never finishes, so nobody waits for that.</summary>
internal static class ProcessEnd
{
    public static void Exit(Puppet puppet, int code)
    {
        var batch = puppet.NewBatch();
        batch.Call(Nr.exit_group, code);
        puppet.Start(batch);
    }

    /// <summary>As wait(2) showed it: the signal in the low 7 bits, or the code in the second byte; under its own name.</summary>
    public static void End(RestoreTask task)
    {
        const int CoreSize = 4;                         // RLIMIT_CORE: no second core file
        int status = (int)task.Core.Tc.ExitCode, signal = status & 0x7f;
        var batch = task.Stream.Puppet.NewBatch();
        batch.Call(Nr.prctl, Prctl.PR_SET_NAME, batch.Bytes([.. task.Core.Tc.Comm.Span, 0]));
        if (signal == 0)
            batch.Call(Nr.exit_group, status >> 8 & 0xff);
        else
        {
            batch.Call(Nr.prlimit64, 0L, CoreSize, batch.New(task.Context.OwnLimits[CoreSize] with { Current = 0 }).Remote, 0L);
            batch.Call(Nr.kill, task.Pid, signal);
            batch.Call(Nr.rt_sigprocmask, Signals.SIG_UNBLOCK, batch.New(1UL << (signal - 1)).Remote, 0L, sizeof(ulong));
        }
        task.Stream.Puppet.Start(batch);
    }
}
