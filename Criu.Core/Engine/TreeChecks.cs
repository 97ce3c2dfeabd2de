using System.Text;
using Criu.Core.Proc;

namespace Criu.Core.Engine;

/// <summary>What cannot be dumped at all is refused before anything is asked of the processes.</summary>
internal static class TreeChecks
{
    public static void Check(List<DumpTask> tasks, DumpOptions options, DumpContext context)
    {
        CheckSession(tasks[0], options);
        var own = OwnNamespaces();
        foreach (var task in tasks)
            if (!task.IsZombie)
            {
                CheckNamespaces(task, own, context);
                CheckThreads(task, context);
            }
    }

    private static void CheckSession(DumpTask root, DumpOptions options)
    {
        if (root.Stat.Session != root.Pid && !options.ShellJob)
            throw new CheckpointException($"{root} belongs to the session {root.Stat.Session}, whose leader is outside the tree", "Add --shell-job, or start the program with setsid");
    }

    private static Dictionary<string, KernelPath> OwnNamespaces()
    {
        var own = new Dictionary<string, KernelPath>();
        if (ProcDirectory.TryOpen(Environment.ProcessId, out var self))
            using (self)
                foreach (string name in IdTables.NamespaceLinks)
                    if (self.TryReadLink((ReadOnlySpan<byte>)Encoding.ASCII.GetBytes($"ns/{name}"), out var link))
                        own[name] = link;
        return own;
    }

    private static void CheckNamespaces(DumpTask task, Dictionary<string, KernelPath> own, DumpContext context)
    {
        foreach (var (name, link) in own)
            if (task.Proc.TryReadLink((ReadOnlySpan<byte>)Encoding.ASCII.GetBytes($"ns/{name}"), out var theirs) && theirs != link)
                throw context.Refuse(task, $"it lives in another {name} namespace ({theirs}, ours is {link})");
    }

    private static void CheckThreads(DumpTask task, DumpContext context)
    {
        const int UserCode64 = 0x33;                    // __USER_CS
        foreach (var thread in task.Threads)
        {
            if (thread.Status.Seccomp != 0)
                throw context.Refuse(task, $"thread {thread.Tid} is under seccomp {(thread.Status.Seccomp == 1 ? "strict mode" : "filters")}");
            if (thread.Status.HasShadowStack)
                throw context.Refuse(task, $"thread {thread.Tid} has a shadow stack");
            if (thread.Traced.Registers.Cs != UserCode64)
                throw context.Refuse(task, $"thread {thread.Tid} runs 32-bit code");
        }
    }
}
