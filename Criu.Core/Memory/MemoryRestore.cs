using Criu.Core.Engine;
using Criu.Core.Resources.Files;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Gives a puppet its address space. Unmap → vDSO → map → fill → final protections → borders; a parent before its children are cloned, so that they inherit what they
/// share. Advice that would change what children inherit comes later.
/// </summary>
internal sealed class MemoryRestore(RestoreContext context, (long Start, long End) place, SharedMemoryRestore shared, PageCopier copier) : IDisposable
{
    private readonly Dictionary<RestoreTask, (PagemapChain Chain, List<PageRun> Runs)> pages = [];
    private readonly OwnVdso ownVdso = OwnVdso.Read();
    private readonly HashSet<uint> checkedFiles = [];

    private const ulong MostBytes = 1UL << 30;          // a call moves less than 2 GiB

    public ulong PagesCompared { get; private set; }
    public ulong PagesSkipped { get; private set; }
    public ulong PagesRestored { get; private set; }

    public void Restore(RestoreTask task)
    {
        var runs = OpenPages(task);
        var kept = Kept(task);
        UnmapTheRest(task, kept);
        MapVdso(task);
        var plan = new PagePlan(copier);
        foreach (var vma in task.Mm.Vmas)
            if (IsOrdinary(vma) && (vma.Flags & Mman.MAP_SHARED) == 0)
                if (kept.Contains(vma))
                    plan.AddInherited(runs, pages[task.Parent!].Runs, vma.Start, vma.End);
                else
                    plan.AddFresh(runs, vma.Start, vma.End);
        var written = WrittenMappings(task, plan);
        Map(task, kept, written);
        foreach (var (start, end) in plan.Drops)
            task.Stream.Room(1).Call(Nr.madvise, (long)start, (long)(end - start), Mman.MADV_DONTNEED);
        Fill(task, plan.Writes);
        foreach (var vma in written)
            if ((vma.Prot & Mman.PROT_WRITE) == 0)
                task.Stream.Room(1).Call(Nr.mprotect, (long)vma.Start, (long)(vma.End - vma.Start), vma.Prot);
        AddressBorders.Set(task, task.Stream);
        task.Stream.Run();
        PagesCompared += plan.Compared;
        PagesSkipped += plan.Skipped;
    }

    private static bool IsOrdinary(VmaEntry vma) => (vma.Status & (VmaStatus.Vdso | VmaStatus.Vvar | VmaStatus.Vsyscall)) == 0;

    private List<PageRun> OpenPages(RestoreTask task)
    {
        var chain = PagemapChain.Open(context.Images, ImageKind.Pagemap, (ulong)task.Pid);
        var runs = new List<PageRun>(chain.Runs());
        pages.Add(task, (chain, runs));
        return runs;
    }

    /// <summary>Private mappings that the parent has in the same place: their pages are shared until somebody writes.</summary>
    private HashSet<VmaEntry> Kept(RestoreTask task)
    {
        var kept = new HashSet<VmaEntry>(ReferenceEqualityComparer.Instance);
        if (task.Parent == null)
            return kept;
        var parents = task.Parent.Mm.Vmas;
        for (int i = 0, k = 0; i < task.Mm.Vmas.Count; i++)
        {
            var vma = task.Mm.Vmas[i];
            while (k < parents.Count && parents[k].Start < vma.Start)
                k++;
            if (k < parents.Count && IsOrdinary(vma) && IsInherited(vma, parents[k]))
                kept.Add(vma);
        }
        return kept;
    }

    private static bool IsInherited(VmaEntry own, VmaEntry parent) =>
        (own.Flags & Mman.MAP_SHARED) == 0 && (own.Start, own.End, own.Prot, own.Flags, own.Shmid, own.Pgoff) == (parent.Start, parent.End, parent.Prot, parent.Flags, parent.Shmid, parent.Pgoff)
        && own.Status == parent.Status;

    /// <summary>Everything goes that is not ours, not kept, and not the vDSO where it is wanted. Unmapping what is not mapped is no error.</summary>
    private void UnmapTheRest(RestoreTask task, HashSet<VmaEntry> kept)
    {
        var stay = new List<(long Start, long End)> { place };
        foreach (var vma in task.Mm.Vmas)
            if (kept.Contains(vma) || !IsOrdinary(vma) && (vma.Status & VmaStatus.Vsyscall) == 0 && HasSameVdso(task))
                stay.Add(((long)vma.Start, (long)vma.End));
        stay.Sort();
        long at = 0;
        foreach (var (start, end) in stay)
        {
            if (start > at)
                task.Stream.Room(1).Call(Nr.munmap, at, start - at);
            at = end;
        }
        task.Stream.Room(1).Call(Nr.munmap, at, Mman.TaskSize - at);
    }

    private static bool HasSameVdso(RestoreTask task) => task.Parent != null && VdsoStart(task) is { } start && start == VdsoStart(task.Parent);

    private static ulong? VdsoStart(RestoreTask task)
    {
        foreach (var vma in task.Mm.Vmas)
            if ((vma.Status & VmaStatus.Vdso) != 0)
                return vma.Start;
        return null;
    }

    /// <summary>The kernel maps its own vDSO behind the address of its data pages, wherever it is told to: before anything else can be in the way.</summary>
    private void MapVdso(RestoreTask task)
    {
        if (VdsoStart(task) is not { } start)
            return;
        ownVdso.DemandSame(task, start, pages[task].Runs, copier);
        if (!HasSameVdso(task))
            task.Stream.Room(1).Call(Nr.arch_prctl, Prctl.ARCH_MAP_VDSO_64, (long)start - ownVdso.DataSize);
    }

    private static HashSet<VmaEntry> WrittenMappings(RestoreTask task, PagePlan plan)
    {
        var written = new HashSet<VmaEntry>(ReferenceEqualityComparer.Instance);
        int next = 0;
        foreach (var vma in task.Mm.Vmas)
        {
            while (next < plan.Writes.Count && plan.Writes[next].Address + plan.Writes[next].Length <= vma.Start)
                next++;
            if (next < plan.Writes.Count && plan.Writes[next].Address < vma.End)
                written.Add(vma);
        }
        return written;
    }

    private void Map(RestoreTask task, HashSet<VmaEntry> kept, HashSet<VmaEntry> written)
    {
        foreach (var vma in task.Mm.Vmas)
        {
            if (!IsOrdinary(vma))
                continue;
            long protection = written.Contains(vma) ? vma.Prot | Mman.PROT_WRITE : vma.Prot;
            if (!kept.Contains(vma))
                MapOne(task, vma, protection);
            else if (protection != vma.Prot)
                task.Stream.Room(1).Call(Nr.mprotect, (long)vma.Start, (long)(vma.End - vma.Start), protection);
        }
    }

    private void MapOne(RestoreTask task, VmaEntry vma, long protection)
    {
        const uint Kept = Mman.MAP_SHARED | Mman.MAP_PRIVATE | Mman.MAP_DROPPABLE | Mman.MAP_GROWSDOWN | Mman.MAP_NORESERVE;
        long flags = vma.Flags & Kept | Mman.MAP_FIXED;
        long length = (long)(vma.End - vma.Start);
        if ((vma.Status & VmaStatus.AnonPrivate) != 0)
            task.Stream.Room(1).Call(Nr.mmap, (long)vma.Start, length, protection, flags | Mman.MAP_ANONYMOUS, -1L, 0L);
        else
        {
            var batch = Open(task, vma, out var fd);
            batch.Call(Nr.mmap, (long)vma.Start, length, protection, flags, fd, (long)vma.Pgoff);
            batch.Call(Nr.close, fd);
        }
        Advise(task, vma, 1UL << Mman.MADV_HUGEPAGE | 1UL << Mman.MADV_NOHUGEPAGE);       // decides how the fill is done
    }

    private SyscallBatch Open(RestoreTask task, VmaEntry vma, out StepResult fd)
    {
        if ((vma.Status & (VmaStatus.AnonShared | VmaStatus.Memfd)) != 0)
        {
            var ours = task.Stream.Room(6, 64);
            fd = (vma.Status & VmaStatus.AnonShared) != 0
                ? OwnFile.Open(ours, shared[vma.Shmid], Fcntl.O_RDWR)
                : shared.OpenMemfd(ours, context.Memory((uint)vma.Shmid).InodeId, vma.Fdflags & Fcntl.O_ACCMODE, forDescriptor: false);
            return ours;
        }
        var file = context.RegularFile((uint)vma.Shmid);
        if (checkedFiles.Add(file.Id))
            RegularFile.CheckUnchanged(file, context.Options);
        var batch = task.Stream.Room(3, file.Name.Length + 16);
        fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes([.. file.Name.Span, 0]), vma.HasFdflags ? vma.Fdflags & Fcntl.O_ACCMODE : file.Flags & Fcntl.O_ACCMODE);
        return batch;
    }

    /// <summary>The process reads its pages itself, straight from the image into place: one copy, no page in managed memory.</summary>
    private void Fill(RestoreTask task, List<PageWrite> writes)
    {
        const int MostVectors = 256;
        writes = PagePlan.Split(writes, MostBytes);
        for (int first = 0, next; first < writes.Count; first = next)
        {
            ulong bytes = writes[first].Length;
            for (next = first + 1; next < writes.Count && next - first < MostVectors && bytes + writes[next].Length <= MostBytes && Follows(writes, next); next++)
                bytes += writes[next].Length;
            ReadInto(task, writes, first, next);
            PagesRestored += bytes / PagemapChain.PageBytes;
        }
    }

    private static bool Follows(List<PageWrite> writes, int next)
    {
        var (before, write) = (writes[next - 1], writes[next]);
        return write.File == before.File && write.Offset == before.Offset + (long)before.Length;
    }

    private static void ReadInto(RestoreTask task, List<PageWrite> writes, int first, int next)
    {
        var batch = task.Stream.Room(4, 64 + (next - first) * 16L + 64);
        var fd = OwnFile.Open(batch, writes[first].File, Fcntl.O_RDONLY);
        var vectors = batch.NewArray<IoVector>(next - first);
        long bytes = 0;
        for (int i = first; i < next; i++)
        {
            vectors.Span[i - first] = new IoVector { Base = (long)writes[i].Address, Length = (long)writes[i].Length };
            bytes += (long)writes[i].Length;
        }
        var read = batch.Call(Nr.preadv, fd, vectors.Remote, next - first, writes[first].Offset, 0L);
        batch.Call(Nr.close, fd);
        var address = writes[first].Address;
        task.Stream.AfterRun(() =>
        {
            if (read.Value != bytes)
                throw new CheckpointException($"only {read.Value} of {bytes} bytes could be read into {task} at {address:x}");
        });
    }

    /// <summary>madvise and mlock, when no child is to be cloned any more: some of it says what children inherit.</summary>
    public static void FinishAdvice(RestoreTask task)
    {
        foreach (var guard in task.Guards)
            task.Stream.Room(1).Call(Nr.madvise, (long)guard.Start, (long)(guard.End - guard.Start), Mman.MADV_GUARD_INSTALL);
        const ulong AtMapping = 1UL << Mman.MADV_HUGEPAGE | 1UL << Mman.MADV_NOHUGEPAGE;
        foreach (var vma in task.Mm.Vmas)
        {
            if (!IsOrdinary(vma))
                continue;
            Advise(task, vma, ~AtMapping);
            if ((vma.Flags & Mman.MAP_LOCKED) != 0)
                task.Stream.Room(1).Call(Nr.mlock, (long)vma.Start, (long)(vma.End - vma.Start));
        }
    }

    private static void Advise(RestoreTask task, VmaEntry vma, ulong which)
    {
        ulong advice = vma.Madv & which;
        for (int bit = 0; advice >> bit != 0 && bit < 63; bit++)
            if ((advice >> bit & 1) != 0)
                task.Stream.Room(1).Call(Nr.madvise, (long)vma.Start, (long)(vma.End - vma.Start), bit);
    }

    public void Dispose()
    {
        foreach (var (chain, _) in pages.Values)
            chain.Dispose();
    }
}
