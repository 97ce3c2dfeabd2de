using System.Diagnostics;
using Criu.Core.Memory;
using Criu.Core.Resources.Tasks;
using Criu.Images;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>One dump, phase by phase. Until the last, nothing of the tree is changed for good and no image is visible.</summary>
internal sealed class DumpEngine : IDisposable
{
    private readonly int rootPid;
    private readonly DumpOptions options;
    private readonly ILogger log;
    private readonly IProgress<CheckpointProgress>? progress;
    private readonly CancellationToken cancel;
    private readonly StageCalls stages;
    private readonly DumpContext context;
    private readonly PageCopier copier = new();
    private readonly MemoryDump memory;
    private readonly Guard guard;
    private List<DumpTask> tasks = [];
    private long started, frozen, memoryBegan, memoryEnded;

    public DumpEngine(int rootPid, IImageStore images, DumpOptions options, ILogger log, ICheckpointListener? listener, IProgress<CheckpointProgress>? progress, CancellationToken cancel)
    {
        (this.rootPid, this.options, this.log, this.progress, this.cancel) = (rootPid, options, log, progress, cancel);
        stages = new StageCalls(listener, log);
        context = new DumpContext(images, options, log, cancel);
        memory = new MemoryDump(context, copier);
        guard = Guard.Start();
    }

    public DumpResult Run()
    {
        Phases.RunAll("Dump",
        [
            new("stage pre-dump", () => stages.Reach(CheckpointStage.PreDump, rootPid)),
            new("stopping the tree", Freeze),
            new("looking at the tree", Collect),
            new("asking the processes", Ask),
            new("descriptors", DumpDescriptors),
            new("memory", DumpMemory),
            .. context.Kinds.Select(kind => kind.AfterMemory(guard)).OfType<Phase>(),
            new("images", WriteImages),
            new("completing the images", Commit),
            new("letting go", Release),
        ], log, progress, cancel);
        return Result();
    }

    private void Freeze()
    {
        started = Stopwatch.GetTimestamp();
        tasks = new TreeFreezer(guard, options, log, cancel).Freeze(rootPid);
        frozen = Stopwatch.GetTimestamp();
    }

    /// <summary>What /proc shows while nothing of ours is mapped yet.</summary>
    private void Collect()
    {
        context.Tree = tasks;
        TreeChecks.Check(tasks, options, context);
        foreach (var task in tasks)
            if (!task.IsZombie && !Proc.VmaFiles.TryReadSmaps(task.Proc, context.Text, task.Vmas))
                throw new CheckpointException($"the mappings of {task} cannot be read: it is gone");
        new IdTables().Assign(tasks, context);
    }

    private void Ask()
    {
        var mappings = new MappingDump(context);
        foreach (var task in tasks)
            if (!task.IsZombie)
            {
                task.Tracee!.Inject(allThreads: true);
                TaskQuestions.Ask(task, context, mappings);
            }
    }

    private void DumpDescriptors()
    {
        var seen = new HashSet<uint>();
        foreach (var task in tasks)
            if (!task.IsZombie)
            {
                if (seen.Add(task.Ids.FilesId))
                    context.Files.DumpAll(task);
                WorkingDirectory.Dump(task, context);
            }
        foreach (var kind in context.Kinds)
            kind.CheckDescriptors();
    }

    private void DumpMemory()
    {
        memoryBegan = Stopwatch.GetTimestamp();
        foreach (var task in tasks)
            if (!task.IsZombie)
            {
                cancel.ThrowIfCancellationRequested();
                memory.Dump(task);
            }
        context.SharedMemory.DumpAll(copier);
        memoryEnded = Stopwatch.GetTimestamp();
    }

    private void WriteImages()
    {
        foreach (var task in tasks)
            if (!task.IsZombie)
                TaskQuestions.AskLast(task, context);
        new DumpImages(context).Write(tasks);
        if (options.RecordsProcessor)
            ProcessorImages.Write(context.Images);
        context.Complete();
    }

    /// <summary>Whoever listens finds the images complete, and may still say no: they go then, and the tree runs on.</summary>
    private void Commit()
    {
        context.Images.Commit(() => stages.Reach(CheckpointStage.PostDump, rootPid));
        log.LogInformation("Images are complete in {Location}", context.Images.Location);
    }

    private void Release()
    {
        context.Files.CloseCopies();
        if (!options.LeaveRunning && !options.LeaveStopped)
        {
            Kill();
            return;
        }
        foreach (var kind in context.Kinds)
            kind.BeforeLettingGo();
        if (options.LeaveStopped)
            foreach (var task in tasks)
                task.Tracee?.StopForGood();
        guard.LetAllGo();
    }

    /// <summary>
    /// Children before parents, so that nobody is told of a child's death in between. A thread that is killed while it owns a robust mutex marks it as left by a dead owner,
    /// for all who share its memory: it must not have its list any more.
    /// </summary>
    private void Kill()
    {
        var owners = new List<TracedThread>();
        foreach (var task in tasks)
            foreach (var thread in task.Threads)
                if (RobustList.HasEntries(thread))
                    owners.Add(thread.Traced);
        guard.Kill([.. tasks.AsEnumerable().Reverse().Select(t => t.Tracee).OfType<Tracee>()], owners, [.. context.Kinds.Select(kind => kind.Pledge).OfType<Pledge>()]);
        foreach (var kind in context.Kinds)
            kind.AfterKilling();
    }

    private DumpResult Result()
    {
        static uint Between(long from, long to) => (uint)Stopwatch.GetElapsedTime(from, to).TotalMicroseconds;
        return new DumpResult
        {
            FreezingTime = Between(started, frozen), FrozenTime = Between(started, Stopwatch.GetTimestamp()), MemdumpTime = Between(memoryBegan, memoryEnded),
            MemwriteTime = Between(memoryBegan, memoryEnded), PagesScanned = memory.PagesScanned, PagesWritten = memory.PagesWritten,
            SharedPagesScanned = context.SharedMemory.PagesScanned, SharedPagesWritten = context.SharedMemory.PagesWritten, Processes = tasks.Count,
        };
    }

    public void Dispose()
    {
        context.Dispose();                              // connections that were not left go on, and only then the processes
        guard.Dispose();
        foreach (var task in tasks)
            task.Dispose();
        copier.Dispose();
    }
}
