using Criu.Core.Engine;
using Criu.Images;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Makes shared anonymous memory anew. The engine maps it once, opens it through map_files and fills it; processes then map the very same object, which looks in their
/// maps as it did.
/// </summary>
internal sealed class SharedMemoryRestore(RestoreContext context, PageCopier copier) : IDisposable
{
    private readonly Dictionary<ulong, SafeFileHandle> objects = [];

    public ulong PagesRestored { get; private set; }

    /// <summary>Every object that some mapping of the tree wants, as large as the last mapping of it needs.</summary>
    public void MakeAll(IEnumerable<RestoreTask> tasks)
    {
        var sizes = new SortedDictionary<ulong, ulong>();
        foreach (var task in tasks)
            foreach (var vma in task.Mm.Vmas)
                if ((vma.Status & VmaStatus.AnonShared) != 0)
                    sizes[vma.Shmid] = Math.Max(sizes.GetValueOrDefault(vma.Shmid), vma.Pgoff + vma.End - vma.Start);
        foreach (var (id, size) in sizes)
            objects.Add(id, Make(id, (long)size));
    }

    public SafeFileHandle this[ulong id] => objects[id];

    private SafeFileHandle Make(ulong id, long size)
    {
        using var pages = PagemapChain.TryOpen(context.Images, ImageKind.ShmemPagemap, id);
        foreach (var run in pages?.Runs() ?? [])
            size = Math.Max(size, (long)run.End);       // a part that nobody maps may hold data
        var file = Create(id, size);
        foreach (var run in pages?.Runs() ?? [])
        {
            copier.CopyFile(run.File!, run.FileOffset, (long)(run.Pages * PagemapChain.PageBytes), file, (long)run.Address);
            PagesRestored += run.Pages;
        }
        return file;
    }

    private static SafeFileHandle Create(ulong id, long size)
    {
        long address = Kernel.Call(Nr.mmap, 0, size, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_SHARED | Mman.MAP_ANONYMOUS | Mman.MAP_NORESERVE, -1, 0);
        if (Kernel.Failed(address))
            throw new CheckpointException($"shared memory {id} of {size} bytes cannot be made: {Errno.Name(address)}");
        long fd = Kernel.Open($"/proc/self/map_files/{address:x}-{address + size:x}", Fcntl.O_RDWR);
        Kernel.Call(Nr.munmap, address, size);
        return Kernel.Failed(fd)
            ? throw new CheckpointException($"shared memory {id} cannot be opened through map_files: {Errno.Name(fd)}", "It takes CAP_CHECKPOINT_RESTORE")
            : Kernel.Own(fd);
    }

    public void Dispose()
    {
        foreach (var file in objects.Values)
            file.Dispose();
    }
}
