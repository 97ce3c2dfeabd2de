using System.Diagnostics;
using Criu.Core.Memory;
using Criu.Core.Resources;
using Criu.Core.Resources.Files;
using Criu.Core.Resources.Tasks;
using Criu.Images;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>One restore, phase by phase. Until the last, the end of the engine or its guard ends everything that was made.</summary>
internal sealed class RestoreEngine : IDisposable
{
    private readonly RestoreContext context;
    private readonly RestoreModel model;
    private readonly ILogger log;
    private readonly StageCalls stages;
    private readonly IProgress<CheckpointProgress>? progress;
    private readonly CancellationToken cancel;
    private readonly PageCopier copier = new();
    private readonly SharedMemoryRestore shared;
    private readonly long started = Stopwatch.GetTimestamp();
    private Guard? guard;
    private PuppetTree? tree;
    private MemoryRestore? memory;
    private ProcessMaking? making;
    private FilePlan? files;
    private List<FinalState> finalStates = [];
    private int rootPid;
    private bool isCommitted;
    private long forked;

    public RestoreEngine(IImageStore images, RestoreOptions options, ILogger log, ICheckpointListener? listener, IProgress<CheckpointProgress>? progress, CancellationToken cancel)
    {
        (this.log, this.progress, this.cancel) = (log, progress, cancel);
        stages = new StageCalls(listener, log);
        context = new RestoreContext(images, options, log);
        model = new RestoreModel(context);
        context.SharedMemory = shared = new SharedMemoryRestore(context, copier);
    }

    public RestoreResult Run()
    {
        Phases.RunAll("Restore",
        [
            new("reading the images", Load),
            new("stage pre-restore", () => stages.Reach(CheckpointStage.PreRestore)),
            new("shared memory", () => shared.MakeAll(model.Tasks)),
            new("the root", MakeRoot),
            .. context.Kinds.Select(kind => kind.AfterRoot).OfType<Phase>(),
            new("processes and their memory", MakeProcesses),
            new("values in /proc", () => RunStage(RestoreStage.Processes)),
            new("descriptors", RestoreDescriptors),
            new("threads", MakeThreads),
            new("zombies", EndZombies),
            new("signals", () => RunStage(RestoreStage.Signals)),
            new("credentials", () => RunStage(RestoreStage.Credentials)),
            new("the last calls", () => RunStage(RestoreStage.Last)),
            new("stage post-restore", () => stages.Reach(CheckpointStage.PostRestore, rootPid)),
            new("the final state", SwitchToFinalState),
            new("stage pre-resume", () => stages.ReachForGood(CheckpointStage.PreResume, rootPid)),
            .. context.Kinds.Select(kind => kind.BeforeLettingGo).OfType<Phase>(),
            new("letting go", Commit),
        ], log, progress, cancel);
        var result = Result();
        stages.ReachForGood(CheckpointStage.PostResume, rootPid);
        return result;
    }

    private void Load()
    {
        model.Load();
        RestoreChecks.CheckPrivilege(context);
        if (context.Options.Processor is { } parts && (parts & ~ProcessorParts.Fpu) != 0)
            ProcessorImages.Demand(context.Images, parts);
        if (context.Options.OnlyOwnRights)
            RestoreChecks.CheckRights(model.Tasks, context);
        RestoreChecks.CheckPidsAreFree(model.Tasks);
        if (!model.Root.IsSessionLeader && !context.Options.ShellJob)
            throw new CheckpointException($"{model.Root} belongs to the session {model.Root.Session}, whose leader was outside the tree", "Add --shell-job: it joins the session of the caller");
        files = new FilePlan(model, context);
    }

    private void MakeRoot()
    {
        rootPid = model.Root.Pid;
        context.Guard = guard = Guard.Start();
        tree = PuppetTree.Start(guard, new PuppetTreeRequest(rootPid, TakenRanges(), ProcessMaking.ArenaBytes(model.Tasks), context.Options.Sibling,
            context.Inherited.Select(f => f.Fd).ToList()));
        model.Root.Became(tree.Root);
        tree.LeaveSocket(FirstBatch(model.Root));
        memory = new MemoryRestore(context, tree.Place, shared, copier);
        making = new ProcessMaking(tree, memory, model.Tasks);
    }

    /// <summary>Addresses that some process of the tree will use, merged and ascending.</summary>
    private List<(long Start, long End)> TakenRanges()
    {
        var all = new List<(long Start, long End)>();
        foreach (var task in model.Tasks)
            foreach (var vma in task.Mm.Vmas)
                if ((vma.Status & VmaStatus.Vsyscall) == 0)
                    all.Add(((long)vma.Start, (long)vma.End));
        all.Sort();
        return all;
    }

    /// <summary>
    /// The root lets go of everything that it inherited. What the user gave by --inherit-fd goes to places that nobody wants first, from where everyone cloned
    /// from it has it too.
    /// </summary>
    private SyscallBatch FirstBatch(RestoreTask root)
    {
        const int NumberOfFiles = 7;                    // RLIMIT_NOFILE
        var batch = tree!.Root.NewBatch();
        batch.Call(Nr.prlimit64, 0L, NumberOfFiles, batch.New(context.PuppetLimits[NumberOfFiles]).Remote, 0L);
        int aside = files!.InheritedPlaces.Count == 0 ? 0 : files.InheritedPlaces[^1] + 1;
        var copies = new List<StepResult>();
        foreach (var inherited in context.Inherited)
            copies.Add(batch.Call(Nr.fcntl, inherited.Fd, Fcntl.F_DUPFD, aside));
        for (int i = 0; i < copies.Count; i++)
            batch.Call(Nr.dup3, copies[i], files.InheritedPlace(i), Fcntl.O_CLOEXEC);
        FilePlan.CloseAllBut((_, _) => batch, files.InheritedPlaces);
        return batch;
    }

    private void MakeProcesses()
    {
        making!.MakeAll();
        making.SetProcessGroups();
        foreach (var kind in context.Kinds)
            kind.AfterProcesses();
        foreach (var task in Living())
            MemoryRestore.FinishAdvice(task);
        forked = Stopwatch.GetTimestamp();
    }

    private IEnumerable<RestoreTask> Living() => model.Tasks.Where(t => !t.IsZombie);

    private void RestoreDescriptors()
    {
        files!.Make();
        foreach (var kind in context.Kinds)
            kind.AfterMaking(stages);
        files.SendWaiting();
        files.FetchAndPlace();
        files.Finish();
        foreach (var task in Living())
            WorkingDirectory.Restore(task, task.Stream);
        BatchStream.RunAll(model.Tasks.ConvertAll(t => t.Stream));
        shared.FinishSeals();
    }

    private void MakeThreads()
    {
        making!.MakeThreads();
        RunStage(RestoreStage.Threads);
    }

    private void EndZombies() => making!.EndZombies();

    /// <summary>Every thread makes its own calls, all side by side; the first one of a process also makes the process's.</summary>
    private void RunStage(RestoreStage stage)
    {
        var streams = new List<BatchStream>();
        foreach (var task in Living())
        {
            streams.AddRange(task.ThreadStreams);
            AddProcessCalls(task, stage);
            for (int i = 0; i < task.Threads.Count; i++)
                foreach (var kind in ResourceCatalog.ThreadKinds)
                    if (kind.Stage == stage)
                        kind.Restore(task, task.Threads[i].Core, task.ThreadStreams[i]);
        }
        BatchStream.RunAll(streams);
    }

    private static void AddProcessCalls(RestoreTask task, RestoreStage stage)
    {
        foreach (var kind in ResourceCatalog.TaskKinds)
            if (kind.Stage == stage)
                kind.Restore(task, task.Stream);
    }

    private void SwitchToFinalState()
    {
        foreach (var task in Living())
            foreach (var (tid, core) in task.Threads)
                finalStates.Add(new FinalState(task.Pid, tid, RegisterImages.ToRegisters(core.ThreadInfo.Gpregs), RegisterImages.ToXstate(core.ThreadInfo.Fpregs, task), Mask(core)));
        tree!.SwitchToFinalState(finalStates);
    }

    private static ulong Mask(Images.Proto.CoreEntry core) => core.Tc?.BlkSigset ?? core.ThreadCore.BlkSigset;

    private void Commit()
    {
        var stopped = new Dictionary<int, int>();
        foreach (var task in Living())
            if (task.IsStopped || context.Options.LeaveStopped)
                stopped.Add(task.Pid, task.Core.Tc is { HasStopSigno: true, StopSigno: not 0 } tc ? (int)tc.StopSigno : Signals.SIGSTOP);
        tree!.LetGo(finalStates, stopped, [.. context.Kinds.Select(kind => kind.Pledge).OfType<Pledge>()], [.. context.Kinds.SelectMany(kind => kind.LastCalls)]);
        isCommitted = true;
        foreach (var kind in context.Kinds)
            kind.AfterLettingGo();
    }

    private RestoreResult Result() => new()
    {
        RootPid = rootPid, ForkingTime = (uint)Stopwatch.GetElapsedTime(started, forked).TotalMicroseconds, RestoreTime = (uint)Stopwatch.GetElapsedTime(started).TotalMicroseconds,
        PagesCompared = memory!.PagesCompared, PagesSkippedCow = memory.PagesSkipped, PagesRestored = memory.PagesRestored + shared.PagesRestored,
    };

    /// <summary>Without a commit the guard's end kills what was made; the root is ours to wait for, unless it was made for our parent.</summary>
    public void Dispose()
    {
        foreach (var kind in context.Kinds)
            kind.Dispose();                             // before the guard: what must end without a word does
        guard?.Dispose();
        if (!isCommitted && tree != null && !context.Options.Sibling)
            Kernel.Call(Nr.wait4, rootPid, 0, Sched.WALL);
        tree?.Dispose();
        memory?.Dispose();
        shared.Dispose();
        copier.Dispose();
    }
}
