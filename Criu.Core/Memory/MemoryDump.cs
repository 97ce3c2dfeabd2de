using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Memory;

/// <summary>Writes the pages that a process has for itself: of anonymous memory those that were touched, of private file mappings those that differ from the file.</summary>
internal sealed class MemoryDump(DumpContext context, PageCopier copier)
{
    private readonly List<Proc.PageRun> runs = [];

    public ulong PagesScanned { get; private set; }
    public ulong PagesWritten { get; private set; }

    public void Dump(DumpTask task)
    {
        uint pagesId = context.NextPagesId++;
        using var pages = context.Images.CreateRaw(ImageKind.Pages, pagesId);
        using var pagemap = new PagemapWriter(context.Images, ImageKind.Pagemap, (ulong)task.Pid, pagesId);
        Scan(task);
        foreach (var run in runs)
        {
            pagemap.Write(run.Start, (ulong)run.Pages, run.Kind == PageKind.Anonymous ? PagemapFlags.Lazy | PagemapFlags.Present : PagemapFlags.Present);
            PagesWritten += (ulong)run.Pages;
        }
        copier.CopyProcess(task, runs, pages);
    }

    private void Scan(DumpTask task)
    {
        if (!task.Proc.TryOpenAt("pagemap"u8, Fcntl.O_RDONLY, out var file))
            throw new CheckpointException($"the pagemap of {task} cannot be opened: it is gone");
        using (file)
        {
            var scan = new PageScan(file.Fd());
            runs.Clear();
            scan.Scan(task.Vmas, runs);
            PagesScanned += scan.PagesScanned;
            foreach (var guard in scan.Guards)
                task.Mm.Vmas.Add(new VmaEntry { Start = guard.Start, End = guard.End, Pgoff = 0, Shmid = 0, Prot = 0, Flags = 0, Status = VmaStatus.Guard, Fd = -1 });
        }
        // The scan walks over holes, and in one of them is what we put there ourselves.
        var (start, end) = task.Tracee!.Place;
        runs.RemoveAll(run => run.Start >= (ulong)start && run.Start < (ulong)end);
    }
}
