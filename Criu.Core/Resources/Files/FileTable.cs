using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// All open file descriptions of the tree. Two descriptors are one description where kcmp says so; only those that look alike are compared, and those lie in kcmp's own
/// order, as there may be thousands (of /dev/null, say).
/// </summary>
internal sealed class FileTable(DumpContext context) : IDisposable
{
    private readonly Dictionary<(ulong, ulong, uint, long), List<(int Pid, int Fd, uint Id, FdTypes Type)>> seen = [];
    private readonly Dictionary<(string, uint), uint> byPath = [];
    private readonly HashSet<(FdTypes, ulong)> contents = [];
    private readonly Dictionary<DumpTask, List<int>> numbers = [];
    private readonly RegularFile regular = new();
    private readonly List<Microsoft.Win32.SafeHandles.SafeFileHandle> copies = [];         // of what no process holds
    private uint next = 1;

    /// <summary>True once for each object that many descriptions share, such as a pipe: its contents are dumped then.</summary>
    public bool IsFirst(FdTypes type, ulong id) => contents.Add((type, id));

    /// <summary>Processes with a table of descriptors each.</summary>
    public IEnumerable<DumpTask> Tables => numbers.Keys;

    public IReadOnlyList<int> NumbersOf(DumpTask task) => numbers[task];

    /// <summary>Dumps the descriptors of a process whose table nobody before it shares.</summary>
    public void DumpAll(DumpTask task)
    {
        var fds = numbers[task] = [];
        if (!task.Proc.TryListNumbers("fd"u8, fds))
            throw new CheckpointException($"the descriptors of {task} cannot be listed: it is gone");
        foreach (int fd in fds)
        {
            context.Cancel.ThrowIfCancellationRequested();
            if (OpenFile.TryRead(task, fd, context.Text) is { } file)
            {
                var (id, type, _) = Find(file);
                task.Descriptors.Add(new FdinfoEntry { Id = id, Flags = file.DescriptorFlags, Type = type, Fd = (uint)file.Fd });
            }
        }
    }

    /// <summary>The id of a description that waits in a socket. When all processes have been dumped: then one that any of them holds is known.</summary>
    /// <param name="file">Its copy goes where the description is known, and is kept else: what comes later may be the same one.</param>
    public uint IdOfWaiting(OpenFile file)
    {
        var (id, _, isNew) = Find(file);
        if (isNew)
            copies.Add(file.Waiting!.Copy);
        else
            file.Waiting!.Copy.Dispose();
        return id;
    }

    private (uint Id, FdTypes Type, bool IsNew) Find(OpenFile file)
    {
        if (file.Info.HasLocks)
            throw new CheckpointException($"{file} holds a file lock, which is not supported yet", "Release the lock before the dump");
        var key = (file.Stat.Device, file.Stat.Inode, file.Flags, file.Info.Position);
        if (!seen.TryGetValue(key, out var alike))
            seen[key] = alike = [];
        var (place, known) = Find(alike, file);
        if (known)
            return (alike[place].Id, alike[place].Type, false);
        var kind = KindOf(file);
        uint id = next++;
        alike.Insert(place, (file.Holder.Pid, file.Fd, id, kind.Type));
        if (kind.Dump(file, id, context) is { } entry)
            context.Writer(ImageKind.Files).Write(entry);
        return (id, kind.Type, true);
    }

    /// <summary>Where the description is in the list, or where it belongs.</summary>
    private static (int Place, bool Known) Find(List<(int Pid, int Fd, uint Id, FdTypes Type)> alike, OpenFile file)
    {
        int low = 0, high = alike.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            long order = Kernel.Call(Nr.kcmp, file.Holder.Pid, alike[middle].Pid, Kcmp.FILE, file.Fd, alike[middle].Fd);
            if (order == 0)
                return (middle, true);
            if (order is not (1 or 2))
                throw new CheckpointException($"kcmp of {file} and descriptor {alike[middle].Fd} of pid {alike[middle].Pid} failed: {Errno.Name(order)}",
                    "The kernel needs CONFIG_KCMP, the caller the right to ptrace both");
            (low, high) = order == 1 ? (low, middle) : (middle + 1, high);
        }
        return (low, false);
    }

    private IFileKind KindOf(OpenFile file)
    {
        IFileKind? found = null;
        foreach (var kind in ResourceCatalog.FileKinds)
            if (kind.Matches(file))
                found = found == null ? kind : throw new InvalidOperationException($"{file} is matched by {found} and {kind}");
        return found ?? throw context.Refuse(file.Task, $"{(file.Waiting == null ? $"descriptor {file.Fd}" : file)} is {Describe(file)}");
    }

    private static string Describe(OpenFile file) => (file.Stat.Kind switch
    {
        Stat.S_IFSOCK => "a socket",
        Stat.S_IFIFO => "a named pipe",
        Stat.S_IFCHR when TerminalDevice.IsSerial(file.Stat.SpecialDevice) => "a serial line",
        Stat.S_IFCHR => "a device",
        Stat.S_IFBLK => "a block device",
        _ => "a file of a kind that is not known",
    }) + $" ({file.Link})";

    /// <summary>For an entry that no descriptor refers to.</summary>
    public uint NewId() => next++;

    /// <summary>An entry of its own for the path of something that is opened by a path, with its flags and owner.</summary>
    public uint AddPath(OpenFile file)
    {
        uint id = next++;
        context.Writer(ImageKind.Files).Write(regular.Dump(file, id, context));
        return id;
    }

    /// <summary>The same for a side of a terminal that has lost its name with its other side.</summary>
    public uint AddGonePath(OpenFile file)
    {
        uint id = next++;
        context.Writer(ImageKind.Files).Write(RegularFile.DumpGone(file, id));
        return id;
    }

    /// <summary>The id of shared memory that is mapped and that no descriptor need hold.</summary>
    public uint IdOfMemory(uint inode, uint flags)
    {
        var key = ($"memory {inode}", flags);
        if (byPath.TryGetValue(key, out uint id))
            return id;
        byPath[key] = id = next++;
        context.Writer(ImageKind.Files).Write(new FileEntry
        {
            Type = FdTypes.Memfd, Id = id,
            Memfd = new MemfdFileEntry { Id = id, Flags = flags, Pos = 0, InodeId = inode, Fown = new FownEntry { Uid = 0, Euid = 0, Signum = 0, PidType = 0, Pid = 0 } },
        });
        return id;
    }

    /// <summary>The id of a file that is known by its path and not by a descriptor: the program, a mapping, a directory.</summary>
    public uint IdOfPath(DumpTask task, KernelPath path, uint flags, Stat stat, string what)
    {
        var key = (Convert.ToHexString(path.Span), flags);
        if (byPath.TryGetValue(key, out uint id))
            return id;
        byPath[key] = id = next++;
        context.Writer(ImageKind.Files).Write(RegularFile.DumpPath(id, path, flags, stat, $"{what} of {task}"));
        return id;
    }

    /// <summary>Nobody is to find a file open that its process closes.</summary>
    public void CloseCopies()
    {
        foreach (var copy in copies)
            copy.Dispose();
        copies.Clear();
    }

    public void Dispose() => CloseCopies();
}
