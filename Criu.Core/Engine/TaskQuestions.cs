using Criu.Core.Memory;
using Criu.Core.Resources;
using Criu.Images.Proto;

namespace Criu.Core.Engine;

/// <summary>One batch for each thread (more where a process has very much of something), all of a process side by side: every kind adds its questions, and reads the answers afterwards.</summary>
internal static class TaskQuestions
{
    public static void Ask(DumpTask task, DumpContext context, MappingDump mappings)
    {
        task.Core.Tc = new TaskCoreEntry { ExitCode = 0, Flags = task.Stat.Flags, BlkSigset = task.Leader.Traced.SignalMask, Personality = 0 };
        var streams = new List<BatchStream>();
        foreach (var puppet in task.Tracee!.Puppets)
        {
            var stream = new BatchStream(puppet);
            if (streams.Count == 0)
                AskProcess(task, stream, context);
            AskThread(task.Threads[streams.Count], stream, context);
            stream.Start();
            streams.Add(stream);
        }
        mappings.Dump(task);                            // while they answer
        foreach (var stream in streams)
            stream.Finish();
        SetState(task);
    }

    private static void AskProcess(DumpTask task, BatchStream stream, DumpContext context)
    {
        stream.AfterRun(AddressLayout.Ask(task, stream.Room(1), context));
        foreach (var kind in ResourceCatalog.TaskKinds)
            if (kind.Ask(task, stream, context) is { } reader)
                stream.AfterRun(reader);
    }

    private static void AskThread(DumpThread thread, BatchStream stream, DumpContext context)
    {
        RegisterImages.Fill(thread.Traced, thread.Core.ThreadInfo);
        if (!thread.IsLeader)
            thread.Core.ThreadCore.BlkSigset = thread.Traced.SignalMask;
        foreach (var kind in ResourceCatalog.ThreadKinds)
            if (kind.Ask(thread, stream, context) is { } reader)
                stream.AfterRun(reader);
    }

    /// <summary>What may have changed since: signals come in while we hold the process.</summary>
    public static void AskLast(DumpTask task, DumpContext context)
    {
        TaskStatus ofLeader = null!;
        foreach (var thread in task.Threads)
        {
            if (!thread.Proc.TryRead("status"u8, context.Text))
                throw new CheckpointException($"thread {thread.Tid} of {task} is gone: somebody killed it");
            var now = TaskStatus.Parse(context.Text);
            foreach (var kind in ResourceCatalog.ThreadKinds)
                (kind as ILateThreadKind)?.Collect(thread, now);
            if (thread.IsLeader)
                ofLeader = now;
        }
        foreach (var kind in ResourceCatalog.TaskKinds)
            (kind as ILateTaskKind)?.Collect(task, ofLeader);
    }

    private static void SetState(DumpTask task)
    {
        int stop = task.Tracee!.GroupStopSignal;
        task.Core.Tc.TaskState = stop == 0 ? TaskState.Alive : TaskState.Stopped;
        if (stop != 0)
            task.Core.Tc.StopSigno = (uint)stop;
    }
}

/// <summary>The values of <c>task_core_entry.task_state</c>.</summary>
internal static class TaskState
{
    public const uint Alive = 1, Dead = 2, Stopped = 3;
}
