using Criu.Core.Proc;
using Criu.Parasite;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>
/// Stops a tree. A process is held first and its children are read then: it can make no more. Those whose parent dies meanwhile turn up under a
/// subreaper, so everything is read again until nothing new is found.
/// </summary>
internal sealed class TreeFreezer(Guard guard, DumpOptions options, ILogger log, CancellationToken cancel)
{
    private readonly ProcText text = new();
    private readonly List<int> numbers = [];
    private readonly Dictionary<int, DumpTask> known = [];

    /// <summary>Parents before their children, siblings by pid: the order of all ids.</summary>
    public List<DumpTask> Freeze(int rootPid)
    {
        RefuseOurselves(rootPid);
        try
        {
            Take(rootPid, null);
            while (FindMore())
            {
            }
            var order = new List<DumpTask>(known.Count);
            AddTo(order, known[rootPid]);
            return order;
        }
        catch
        {
            foreach (var task in known.Values)
                task.Dispose();
            throw;
        }
    }

    /// <summary>An engine that its own guard stops can give the guard no further order: nobody would move again.</summary>
    private void RefuseOurselves(int rootPid)
    {
        for (int pid = Environment.ProcessId; pid > 1;)
        {
            if (pid == rootPid)
                throw Ourselves(rootPid);
            if (!ProcDirectory.TryOpen(pid, out var proc))
                return;
            using (proc)
                pid = proc.TryRead("stat"u8, text) ? TaskStat.Parse(text).ParentPid : 0;
        }
    }

    private static CheckpointException Ourselves(int rootPid) =>
        new($"the tree of pid {rootPid} holds this criu (pid {Environment.ProcessId}) itself", "Start criu from outside of it, with `setsid --fork` or from another shell");

    private static void AddTo(List<DumpTask> order, DumpTask task)
    {
        order.Add(task);
        task.Children.Sort((a, b) => a.Pid.CompareTo(b.Pid));
        foreach (var child in task.Children)
            AddTo(order, child);
    }

    private bool FindMore()
    {
        bool found = false;
        foreach (var task in known.Values.ToArray())
            foreach (int child in ChildrenOf(task))
                if (!known.ContainsKey(child))
                    found |= Take(child, task);
        return found;
    }

    private List<int> ChildrenOf(DumpTask task)
    {
        var children = new List<int>();
        foreach (var thread in task.Threads)
            if (thread.Proc.TryRead("children"u8, text))
                ProcValues.ParseChildren(text, children);
        return children;
    }

    /// <summary>False where the process ended and was reaped meanwhile.</summary>
    private bool Take(int pid, DumpTask? parent)
    {
        cancel.ThrowIfCancellationRequested();
        if (pid == Environment.ProcessId || pid == guard.Pid)
            throw Ourselves(known.Keys.First());
        if (!ProcDirectory.TryOpen(pid, out var proc))
            return parent != null ? false : throw new CheckpointException($"there is no process {pid}", "Name a running process with -t");
        try
        {
            if (!proc.TryRead("stat"u8, text))
                return Gone(proc, parent, pid);
            var stat = TaskStat.Parse(text);
            if (parent == null)
                DemandProcess(pid, proc, stat);
            var tracee = IsZombie(stat) ? null : TrySeize(pid, parent);
            if (!proc.TryRead("stat"u8, text))
                return Gone(proc, parent, pid);
            stat = TaskStat.Parse(text);                // it may have changed until it was held, or have ended instead
            var task = new DumpTask { Pid = pid, Parent = parent, Proc = proc, Stat = stat, Tracee = tracee };
            known.Add(pid, task);
            parent?.Children.Add(task);
            if (tracee == null && parent == null)
                throw new CheckpointException($"pid {pid} is a zombie", "Only its parent can end it: there is nothing left to dump");
            if (tracee != null)
                AddThreads(task, tracee);
            log.LogDebug(tracee != null ? "Stopped pid {Pid} with {Count} threads" : "Pid {Pid} is a zombie", pid, task.Threads.Count);
            return true;
        }
        catch when (!known.ContainsKey(pid))
        {
            proc.Dispose();
            throw;
        }
    }

    private void DemandProcess(int pid, ProcDirectory proc, TaskStat stat)
    {
        const uint KernelThread = 0x200000;             // PF_KTHREAD, proc_pid_stat(5)
        if ((stat.Flags & KernelThread) != 0)
            throw new CheckpointException($"pid {pid} ({stat.Comm}) is a thread of the kernel", "Name a process with -t");
        if (proc.TryRead("status"u8, text) && TaskStatus.Parse(text).ThreadGroup is var process && process != pid)
            throw new CheckpointException($"{pid} is a thread of process {process}", $"Name the process with -t {process}");
    }

    private static bool IsZombie(TaskStat stat) => stat.State is 'Z' or 'X' && stat.ThreadCount <= 1;

    /// <summary>A child that ends while it is being seized becomes a zombie, or is gone.</summary>
    private Tracee? TrySeize(int pid, DumpTask? parent)
    {
        try
        {
            return guard.Seize(pid, options.Timeout == TimeSpan.Zero ? TimeSpan.FromDays(1) : options.Timeout);
        }
        catch (ParasiteException) when (parent != null && HasEnded(pid))
        {
            return null;
        }
    }

    private bool HasEnded(int pid) =>
        !ProcDirectory.TryOpen(pid, out var proc) || !proc.TryRead("stat"u8, text) || TaskStat.Parse(text).State is 'Z' or 'X';

    private static bool Gone(ProcDirectory proc, DumpTask? parent, int pid)
    {
        proc.Dispose();
        return parent != null ? false : throw new CheckpointException($"process {pid} ended before it could be stopped");
    }

    private void AddThreads(DumpTask task, Tracee tracee)
    {
        if (tracee.LeaderHasEnded)
            throw new CheckpointException($"{task}: its first thread has ended while others live", "Images have no form for that: let the process end, or dump it before its main thread exits");
        foreach (var traced in tracee.Threads)
        {
            if (!task.Proc.TryOpenThread(traced.Tid, out var proc) || !proc.TryRead("stat"u8, text))
                throw new CheckpointException($"thread {traced.Tid} of {task} is gone: somebody killed it");
            var stat = TaskStat.Parse(text);
            if (!proc.TryRead("status"u8, text))
                throw new CheckpointException($"thread {traced.Tid} of {task} is gone: somebody killed it");
            task.Threads.Add(new DumpThread { Task = task, Traced = traced, Proc = proc, Stat = stat, Status = TaskStatus.Parse(text) });
        }
    }
}
