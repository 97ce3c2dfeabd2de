using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Makes shared anonymous memory anew. The engine maps it once, opens it through map_files and fills it; processes then map the very same object, which looks in their
/// maps as it did.
/// </summary>
internal sealed class SharedMemoryRestore(RestoreContext context, PageCopier copier) : IDisposable
{
    private readonly Dictionary<ulong, SafeFileHandle> anonymous = [], memfds = [];
    private readonly HashSet<ulong> passedOn = [];
    private readonly List<Action> sealedLater = [];

    public ulong PagesRestored { get; private set; }

    /// <summary>Every memfd of the images, and of older ones every object that some mapping wants, as large as the last mapping of it needs.</summary>
    public void MakeAll(IEnumerable<RestoreTask> tasks)
    {
        foreach (var entry in context.Images.ReadAll<MemfdInodeEntry>(ImageKind.MemfdInode))
            if (!memfds.TryAdd(entry.InodeId, MakeMemfd(entry)))
                throw new CheckpointException($"the memfd {entry.InodeId} stands twice in the images");
        var sizes = new SortedDictionary<ulong, ulong>();
        foreach (var task in tasks)
            foreach (var vma in task.Mm.Vmas)
                if ((vma.Status & VmaStatus.AnonShared) != 0)
                    sizes[vma.Shmid] = Math.Max(sizes.GetValueOrDefault(vma.Shmid), vma.Pgoff + vma.End - vma.Start);
        foreach (var (id, size) in sizes)
            anonymous.Add(id, MakeAnonymous(id, (long)size));
    }

    /// <summary>An object of a mapping in older images, by shmid.</summary>
    public SafeFileHandle this[ulong id] => anonymous[id];

    /// <summary>
    /// A memfd can be executed as long as nobody has opened it for writing; whom memfd_create gave it has not opened it. So the engine's description is passed on where the process
    /// may have had such a one: to its mappings, and as the first descriptor.
    /// </summary>
    /// <param name="batch">Takes up to 4 calls.</param>
    /// <param name="inode">Which.</param>
    /// <param name="flags">As in F_GETFL.</param>
    /// <param name="forDescriptor">It will have a position, and flags of its own.</param>
    public StepResult OpenMemfd(SyscallBatch batch, ulong inode, uint flags, bool forDescriptor)
    {
        if (!memfds.TryGetValue(inode, out var file))
            throw new CheckpointException($"the images lack the memfd {inode}, which is referred to");
        if ((flags & Fcntl.O_ACCMODE) != Fcntl.O_RDWR || !context.MayTrace || forDescriptor && !passedOn.Add(inode))
            return OwnFile.Open(batch, file, flags);
        var fd = OwnFile.Fetch(batch, file);
        if (forDescriptor)
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, flags);
        return fd;
    }

    private SafeFileHandle MakeAnonymous(ulong id, long size)
    {
        using (var pages = PagemapChain.TryOpen(context.Images, ImageKind.ShmemPagemap, id))
            foreach (var run in pages?.Runs() ?? [])
                size = Math.Max(size, (long)run.End);   // a part that nobody maps may hold data
        var file = Create(id, size);
        Fill(id, file, long.MaxValue);
        return file;
    }

    private SafeFileHandle MakeMemfd(MemfdInodeEntry entry)
    {
        if (entry.HasHugetlbFlag)
            throw new CheckpointException($"the memfd {entry.Name.ToStringUtf8()} has huge pages; restoring it is not supported yet");
        bool isAnonymous = entry.Name.Span.SequenceEqual("/dev/zero"u8);
        var file = isAnonymous ? Create(entry.Shmid, (long)entry.Size) : CreateMemfd(entry);
        Fill(entry.Shmid, file, (long)entry.Size);
        if (!isAnonymous)
            Seal(entry, file);
        return file;
    }

    /// <summary>
    /// F_SEAL_FUTURE_WRITE alone leaves the mappings for writing that are there, so it waits for them, and with it F_SEAL_SEAL, which forbids more seals. With F_SEAL_WRITE there are none,
    /// and with that seal in place a mapping for reading is no obstacle: it comes at once.
    /// </summary>
    private void Seal(MemfdInodeEntry entry, SafeFileHandle file)
    {
        const uint SealSeal = 1, SealWrite = 8, SealFutureWrite = 16;
        bool waits = (entry.Seals & (SealFutureWrite | SealWrite)) == SealFutureWrite;
        uint later = waits ? entry.Seals & (SealSeal | SealFutureWrite) : 0;
        AddSeals(entry, file, entry.Seals & ~later);
        if (later != 0)
            sealedLater.Add(() => AddSeals(entry, file, later));
    }

    private static void AddSeals(MemfdInodeEntry entry, SafeFileHandle file, uint seals)
    {
        const int F_ADD_SEALS = 1033;
        if (seals != 0)
            Demand(Kernel.Call(Nr.fcntl, file.Fd(), F_ADD_SEALS, seals), "sealing", entry);
    }

    /// <summary>Everybody has mapped and opened what it shall have.</summary>
    public void FinishSeals()
    {
        foreach (var seal in sealedLater)
            seal();
    }

    private static unsafe SafeFileHandle CreateMemfd(MemfdInodeEntry entry)
    {
        const uint Executable = 0x49;                   // 0111: MFD_EXEC is what leaves them
        int flags = Fcntl.MFD_CLOEXEC | Fcntl.MFD_ALLOW_SEALING | ((entry.Mode & Executable) != 0 ? Fcntl.MFD_EXEC : 0);
        fixed (byte* name = (byte[])[.. entry.Name.Span, 0])
        {
            var file = Kernel.Own(Demand(Kernel.Call(Nr.memfd_create, (long)name, flags), "making", entry));
            Demand(Kernel.Call(Nr.ftruncate, file.Fd(), (long)entry.Size), "sizing", entry);
            if (entry.HasMode)
                Demand(Kernel.Call(Nr.fchmod, file.Fd(), entry.Mode & 0xfff), "changing the mode of", entry);
            if (entry.Uid != 0 || entry.Gid != 0)
                Demand(Kernel.Call(Nr.fchown, file.Fd(), entry.Uid, entry.Gid), "changing the owner of", entry);
            return file;
        }
    }

    private static long Demand(long result, string what, MemfdInodeEntry entry) =>
        Kernel.Failed(result) ? throw new CheckpointException($"{what} the memfd {entry.Name.ToStringUtf8()} failed: {Errno.Name(result)}") : result;

    private void Fill(ulong id, SafeFileHandle file, long size)
    {
        using var pages = PagemapChain.TryOpen(context.Images, ImageKind.ShmemPagemap, id);
        foreach (var run in pages?.Runs() ?? [])
        {
            long bytes = Math.Min((long)(run.Pages * PagemapChain.PageBytes), size - (long)run.Address);
            copier.CopyFile(run.File!, run.FileOffset, bytes, file, (long)run.Address);
            PagesRestored += run.Pages;
        }
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
        foreach (var file in anonymous.Values.Concat(memfds.Values))
            file.Dispose();
    }
}
