using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Core.Resources.Files;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Memory;

/// <summary>Turns the mappings of a process into entries, and refuses by name what is not supported.</summary>
internal sealed class MappingDump(DumpContext context)
{
    private const VmaFlags Unsupported = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.HugeTlb | VmaFlags.UffdMissing | VmaFlags.UffdWriteProtect | VmaFlags.UffdMinor
        | VmaFlags.ShadowStack | VmaFlags.Sealed | VmaFlags.MayHaveGuards;

    public void Dump(DumpTask task)
    {
        foreach (var vma in task.Vmas)
            if (vma.IsVvar && task.Mm.Vmas is [.., { } last] && (last.Status & VmaStatus.Vvar) != 0 && last.End == vma.Start)
                last.End = vma.End;                     // [vvar] and [vvar_vclock] are one in the images
            else
                task.Mm.Vmas.Add(Entry(task, vma));
    }

    private VmaEntry Entry(DumpTask task, Vma vma)
    {
        var entry = new VmaEntry
        {
            Start = vma.Start, End = vma.End, Pgoff = 0, Shmid = 0, Prot = (uint)vma.Protection, Flags = 0, Status = VmaStatus.Regular, Fd = -1,
        };
        ulong advice = Advice(vma.Flags);
        if (vma.IsVsyscall)
            (entry.Flags, entry.Status) = (Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, VmaStatus.Vsyscall | VmaStatus.AnonPrivate);
        else if (vma.IsVvar || vma.IsVdso)
            (entry.Flags, entry.Status) = (Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, VmaStatus.Regular | VmaStatus.AnonPrivate | (vma.IsVdso ? VmaStatus.Vdso : VmaStatus.Vvar));
        else
            FillOrdinary(task, vma, entry);
        if (advice != 0 && !vma.IsVsyscall)
            entry.Madv = advice;
        return entry;
    }

    private void FillOrdinary(DumpTask task, Vma vma, VmaEntry entry)
    {
        RefuseUnsupported(task, vma);
        entry.Flags |= (vma.Has(VmaFlags.GrowsDown) ? (uint)Mman.MAP_GROWSDOWN : 0) | (vma.Has(VmaFlags.Locked) ? (uint)Mman.MAP_LOCKED : 0)
            | (vma.Has(VmaFlags.NoReserve) ? (uint)Mman.MAP_NORESERVE : 0) | (vma.Has(VmaFlags.Droppable) ? (uint)Mman.MAP_DROPPABLE : 0);
        if (vma.IsAnonymousShared || vma.IsMemfd)
            FillMemory(task, vma, entry);
        else if (vma.IsFile)
            FillFile(task, vma, entry);
        else
        {
            entry.Flags |= (vma.Has(VmaFlags.Droppable) ? 0 : (uint)Mman.MAP_PRIVATE) | Mman.MAP_ANONYMOUS;
            entry.Status |= VmaStatus.AnonPrivate | (vma.IsHeap ? VmaStatus.Heap : 0);
        }
    }

    private void FillMemory(DumpTask task, Vma vma, VmaEntry entry)
    {
        uint flags = vma.IsShared && vma.Has(VmaFlags.MayWrite) ? (uint)Fcntl.O_RDWR : Fcntl.O_RDONLY;
        entry.Flags |= vma.IsShared ? (uint)Mman.MAP_SHARED : Mman.MAP_PRIVATE;
        entry.Status |= VmaStatus.Memfd | (vma.IsShared ? VmaStatus.FileShared : VmaStatus.FilePrivate);
        (entry.Pgoff, entry.Fdflags, entry.Shmid) = (vma.Offset, flags, context.SharedMemory.FileOf(task, vma, flags));
    }

    private void FillFile(DumpTask task, Vma vma, VmaEntry entry)
    {
        uint flags = vma.IsShared && vma.Has(VmaFlags.MayWrite) ? (uint)Fcntl.O_RDWR : Fcntl.O_RDONLY;
        if (!TryFindFile(task, vma, out var path, out var stat))
            throw context.Refuse(task, $"the mapping {vma} is of a file that was unlinked or has no name");
        entry.Flags |= vma.IsShared ? (uint)Mman.MAP_SHARED : Mman.MAP_PRIVATE;
        entry.Status |= vma.IsShared ? VmaStatus.FileShared : VmaStatus.FilePrivate;
        entry.Pgoff = vma.Offset;
        entry.Shmid = context.Files.IdOfPath(task, path, flags, stat, $"the mapping {vma}");
        entry.Fdflags = flags;
    }

    /// <summary>The link in map_files knows the name and the file best; who may not open it (CAP_CHECKPOINT_RESTORE) takes the name from the line.</summary>
    private static bool TryFindFile(DumpTask task, Vma vma, out KernelPath path, out Stat stat)
    {
        path = vma.Name;
        if (vma.IsNameUncertain && task.Proc.TryReadLink(ProcName.OfMapFile(vma.Start, vma.End), out var link))
            path = link;
        return OpenFile.TryStat(Fcntl.AT_FDCWD, path.ToCString(), out stat) && stat.Inode == vma.Inode;
    }

    private void RefuseUnsupported(DumpTask task, Vma vma)
    {
        if (vma.UnknownFlags.Length > 0)
            throw context.Refuse(task, $"the mapping {vma} has flags that are not known ({vma.UnknownFlags})");
        if (vma.Has(vma.IsShared ? Unsupported : Unsupported & ~VmaFlags.MayHaveGuards))
            throw context.Refuse(task, $"the mapping {vma} has {vma.Flags & Unsupported}");
        string? kind = vma.IsSysV ? "System V shared memory" : vma.IsAioRing ? "a ring of io_setup" : vma.IsAnonymousHugeTlb ? "of huge pages" : null;
        if (kind != null)
            throw context.Refuse(task, $"the mapping {vma} is {kind}");
        if (vma.ProtectionKey != 0)
            throw context.Refuse(task, $"the mapping {vma} has protection key {vma.ProtectionKey}");
        if (!vma.IsFile && vma.Name.StartsWith("["u8) && !vma.IsHeap && !vma.IsStack && vma.AnonymousName.Length == 0)
            throw context.Refuse(task, $"the mapping {vma} is one of the kernel's that is not known");
    }

    /// <summary>madvise(2) as bits 1 &lt;&lt; advice.</summary>
    private static ulong Advice(VmaFlags flags)
    {
        ulong bits = 0;
        foreach (var (flag, advice) in Advices)
            if ((flags & flag) != 0)
                bits |= 1UL << advice;
        return bits;
    }

    private static readonly (VmaFlags Flag, int Advice)[] Advices =
    [
        (VmaFlags.RandomRead, 1), (VmaFlags.SequentialRead, 2), (VmaFlags.DontCopy, Mman.MADV_DONTFORK), (VmaFlags.Mergeable, Mman.MADV_MERGEABLE),
        (VmaFlags.HugePage, Mman.MADV_HUGEPAGE), (VmaFlags.NoHugePage, Mman.MADV_NOHUGEPAGE), (VmaFlags.DontDump, Mman.MADV_DONTDUMP),
        (VmaFlags.WipeOnFork, Mman.MADV_WIPEONFORK),
    ];
}
