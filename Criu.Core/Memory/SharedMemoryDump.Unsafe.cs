using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Shared anonymous memory and memfds are files without a name inside the kernel; their inode number is their identity. What was written is found by SEEK_DATA, once
/// for each object, whoever holds or maps it. In the images both are MEMFD, the former under the name /dev/zero, which the kernel gives it.
/// </summary>
internal sealed class SharedMemoryDump(DumpContext context) : IDisposable
{
    private readonly Dictionary<ulong, (MemfdInodeEntry Entry, SafeFileHandle? File)> objects = [];

    /// <summary>Where an object is mapped that we may not open: its contents are read through these.</summary>
    private readonly Dictionary<ulong, List<(DumpTask Task, Vma Vma)>> mapped = [];

    public ulong PagesScanned { get; private set; }
    public ulong PagesWritten { get; private set; }

    /// <summary>The file id of a mapping: that of a description which nobody holds, as the object opened with these flags.</summary>
    public uint FileOf(DumpTask task, Vma vma, uint flags)
    {
        if (!objects.ContainsKey(vma.Inode))
        {
            if (MayOpenMapFiles && task.Proc.TryOpenAt(ProcName.OfMapFile(vma.Start, vma.End), Fcntl.O_RDONLY, out var file))
                Add(vma.Inode, vma.Name, file);
            else
                AddMapped(task, vma);
        }
        if (mapped.TryGetValue(vma.Inode, out var places))
            NoteMapping(places, task, vma);
        uint inode = (uint)objects[vma.Inode].Entry.InodeId;
        return context.Files.IdOfMemory(inode, flags);
    }

    /// <summary>The inode_id of a memfd that a process holds.</summary>
    public uint InodeOf(Resources.Files.OpenFile file)
    {
        if (!objects.ContainsKey(file.Stat.Inode))
            Add(file.Stat.Inode, file.Link, file.Fetch());
        return (uint)objects[file.Stat.Inode].Entry.InodeId;
    }

    private void Add(ulong inode, KernelPath path, SafeFileHandle file)
    {
        const int F_GET_SEALS = 1034;
        var stat = Resources.Files.OpenFile.StatOf(file);
        long seals = Kernel.Call(Nr.fcntl, file.Fd(), F_GET_SEALS);
        objects.Add(inode, (new MemfdInodeEntry
        {
            Name = ByteString.CopyFrom(NameOf(path)), Uid = stat.Uid, Gid = stat.Gid, Size = (ulong)stat.Size, Shmid = (uint)inode,
            Seals = Kernel.Failed(seals) ? 0 : (uint)seals, InodeId = (ulong)objects.Count + 1, Mode = stat.Mode,
        }, file));
    }

    /// <summary>map_files is for CAP_CHECKPOINT_RESTORE. Without it, anonymous memory is known by its mappings alone; a memfd is fetched where somebody holds it.</summary>
    private static readonly bool MayOpenMapFiles = Parasite.Tracee.MayOpenMapFiles;

    private void AddMapped(DumpTask task, Vma vma)
    {
        if (!vma.IsAnonymousShared)
            throw new CheckpointException($"the memfd {vma} of {task} cannot be opened through map_files", "It takes CAP_CHECKPOINT_RESTORE");
        mapped.Add(vma.Inode, []);
        const uint AnyMode = 0x81ff, SealsOfAnonymous = 1;     // a regular file, 0777; F_SEAL_SEAL
        objects.Add(vma.Inode, (new MemfdInodeEntry
        {
            Name = ByteString.CopyFromUtf8("/dev/zero"), Uid = task.Leader.Status.Uid.FileSystem, Gid = task.Leader.Status.Gid.FileSystem, Size = 0,
            Shmid = (uint)vma.Inode, Seals = SealsOfAnonymous, InodeId = (ulong)objects.Count + 1, Mode = AnyMode,
        }, null));
    }

    private void NoteMapping(List<(DumpTask, Vma)> places, DumpTask task, Vma vma)
    {
        places.Add((task, vma));
        var entry = objects[vma.Inode].Entry;
        entry.Size = Math.Max(entry.Size, vma.Offset + vma.Length);
    }

    /// <summary>Every mapped page once, whoever maps it: which of them were touched only the object could tell.</summary>
    private void DumpMapped(ulong inode, PageCopier copier)
    {
        uint pagesId = context.NextPagesId++;
        using var pages = context.Images.CreateRaw(ImageKind.Pages, pagesId);
        using var pagemap = new PagemapWriter(context.Images, ImageKind.ShmemPagemap, (uint)inode, pagesId);
        var places = mapped[inode];
        places.Sort((a, b) => a.Vma.Offset.CompareTo(b.Vma.Offset));
        ulong done = 0;
        foreach (var (task, vma) in places)
        {
            ulong start = Math.Max(done, vma.Offset), end = vma.Offset + vma.Length;
            if (start >= end)
                continue;
            copier.CopyProcess(task, [new Proc.PageRun(vma.Start + (start - vma.Offset), vma.End, PageKind.None)], pages);
            ulong count = (end - start) / (ulong)Mman.PageSize;
            pagemap.Write(start, count, PagemapFlags.Present);
            (done, PagesScanned, PagesWritten) = (end, PagesScanned + count, PagesWritten + count);
        }
    }

    /// <summary><c>/memfd:NAME (deleted)</c>, <c>/dev/zero (deleted)</c>; a name given by prctl(PR_SET_VMA_ANON_NAME) belongs to the mapping.</summary>
    private static ReadOnlySpan<byte> NameOf(KernelPath path)
    {
        var name = path.Span;
        if (name.EndsWith(" (deleted)"u8))
            name = name[..^" (deleted)"u8.Length];
        return name.StartsWith("/memfd:"u8) ? name["/memfd:"u8.Length..] : "/dev/zero"u8;
    }

    public void DumpAll(PageCopier copier)
    {
        foreach (var (inode, (entry, file)) in objects)
        {
            if (file != null)
                Dump(entry.Shmid, file, copier);
            else
                DumpMapped(inode, copier);
            context.Writer(ImageKind.MemfdInode).Write(entry);
        }
    }

    private void Dump(ulong id, SafeFileHandle file, PageCopier copier)
    {
        uint pagesId = context.NextPagesId++;
        using var pages = context.Images.CreateRaw(ImageKind.Pages, pagesId);
        using var pagemap = new PagemapWriter(context.Images, ImageKind.ShmemPagemap, id, pagesId);
        long size = Resources.Files.OpenFile.StatOf(file).Size;
        PagesScanned += (ulong)((size + Mman.PageSize - 1) / Mman.PageSize);
        for (long at = 0; at < size;)
        {
            long start = Seek(file, at, Fcntl.SEEK_DATA);
            if (start == -Errno.ENXIO)
                return;                                 // only a hole is left
            long end = Seek(file, start, Fcntl.SEEK_HOLE);
            if (Kernel.Failed(start) || Kernel.Failed(end))
                throw new CheckpointException($"searching shared memory {id} for data failed: {Errno.Name(Math.Min(start, end))}");
            ulong count = (ulong)((end - start + Mman.PageSize - 1) / Mman.PageSize);
            copier.CopyFile(file, start, end - start, pages);
            copier.Pad(pages, (long)count * Mman.PageSize - (end - start));
            pagemap.Write((ulong)start, count, PagemapFlags.Present);
            PagesWritten += count;
            at = end;
        }
    }

    /// <summary>Through a descriptor of our own: the position of a fetched one is the process's too.</summary>
    private static long Seek(SafeFileHandle file, long at, int whence)
    {
        long own = Kernel.Open($"/proc/self/fd/{file.Fd()}", Fcntl.O_RDONLY);
        if (Kernel.Failed(own))
            return own;
        using var handle = Kernel.Own(own);
        return Kernel.Call(Nr.lseek, handle.Fd(), at, whence);
    }

    public void Dispose()
    {
        foreach (var (_, file) in objects.Values)
            file?.Dispose();
    }
}
