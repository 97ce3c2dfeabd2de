using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Shared anonymous memory is a file without a name inside the kernel; its inode number is its identity. What was written is found by SEEK_DATA, once for
/// each object, whoever maps it.
/// </summary>
internal sealed class SharedMemoryDump(DumpContext context) : IDisposable
{
    private readonly Dictionary<ulong, SafeFileHandle> objects = [];

    public ulong PagesScanned { get; private set; }
    public ulong PagesWritten { get; private set; }

    public ulong IdOf(DumpTask task, Vma vma)
    {
        if (objects.ContainsKey(vma.Inode))
            return vma.Inode;
        if (!task.Proc.TryOpenAt(ProcName.OfMapFile(vma.Start, vma.End), Fcntl.O_RDONLY, out var file))
            throw new CheckpointException($"the shared memory {vma} of {task} cannot be opened through map_files", "It takes CAP_CHECKPOINT_RESTORE");
        objects.Add(vma.Inode, file);
        return vma.Inode;
    }

    public void DumpAll(PageCopier copier)
    {
        foreach (var (inode, file) in objects)
            Dump(inode, file, copier);
    }

    private void Dump(ulong inode, SafeFileHandle file, PageCopier copier)
    {
        uint pagesId = context.NextPagesId++;
        using var pages = context.Images.CreateRaw(ImageKind.Pages, pagesId);
        using var pagemap = new PagemapWriter(context.Images, ImageKind.ShmemPagemap, inode, pagesId);
        long size = RandomAccess.GetLength(file);
        PagesScanned += (ulong)(size / Mman.PageSize);
        for (long at = 0; at < size;)
        {
            long start = Kernel.Call(Nr.lseek, file.Fd(), at, Fcntl.SEEK_DATA);
            if (start == -Errno.ENXIO)
                return;                                 // only a hole is left
            long end = Kernel.Call(Nr.lseek, file.Fd(), start, Fcntl.SEEK_HOLE);
            if (Kernel.Failed(start) || Kernel.Failed(end))
                throw new CheckpointException($"searching shared memory {inode} for data failed: {Errno.Name(Math.Min(start, end))}");
            copier.CopyFile(file, start, end - start, pages);
            pagemap.Write((ulong)start, (ulong)((end - start) / Mman.PageSize), PagemapFlags.Present);
            PagesWritten += (ulong)((end - start) / Mman.PageSize);
            at = end;
        }
    }

    public void Dispose()
    {
        foreach (var file in objects.Values)
            file.Dispose();
    }
}
