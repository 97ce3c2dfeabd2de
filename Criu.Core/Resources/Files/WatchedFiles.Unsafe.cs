using System.Buffers.Binary;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// From the inode that an inotify watches back to a path, which the kernel does not keep. The handle of the inode is opened and asked for its path (CAP_DAC_READ_SEARCH); who
/// may not do that, or finds it without a name in the cache, looks where a process has its files: those that are open, and all directories above them.
/// </summary>
internal static unsafe class WatchedFiles
{
    private const int HandleHeader = 8, HandleWords = 16;              // struct file_handle: bytes, type; MAX_HANDLE_SZ in u64

    /// <summary>Null where none is found.</summary>
    public static KernelPath? PathOf(InotifyWatch watch, DumpTask task, DumpContext context)
    {
        foreach (var mount in MountsOf(watch.Device, task.Proc, context.Text))
            if (PathByHandle(watch.Handle, mount) is { } path && Leads(path, watch.Inode, watch.Device, MountsByStat(mount)))
                return path;
        foreach (var candidate in Candidates(task, context))
            if (Leads(candidate, watch.Inode, watch.Device, null))
                return candidate;
        return null;
    }

    /// <summary>The path that an image of CRIU left out.</summary>
    public static KernelPath? PathOf(InotifyWdEntry watch)
    {
        if (!ProcDirectory.TryOpen(Environment.ProcessId, out var self))
            return null;
        using (self)
            foreach (var mount in MountsOf(watch.SDev, self, new ProcText()))
                if (PathByHandle(FromEntry(watch.FHandle), mount) is { } path && OpenFile.TryStat(Fcntl.AT_FDCWD, path.ToCString(), out var stat) && stat.Inode == watch.IIno)
                    return path;
        return null;
    }

    public static FhEntry ToEntry(FileHandle handle)
    {
        Span<byte> bytes = stackalloc byte[HandleWords * sizeof(ulong)];
        handle.Bytes.Span.CopyTo(bytes);
        var entry = new FhEntry { Bytes = (uint)handle.Bytes.Length, Type = (uint)handle.Type };
        for (int word = 0; word < HandleWords; word++)
            entry.Handle.Add(BinaryPrimitives.ReadUInt64LittleEndian(bytes[(word * sizeof(ulong))..]));
        return entry;
    }

    private static FileHandle FromEntry(FhEntry entry)
    {
        byte[] bytes = new byte[Math.Min(entry.Handle.Count, HandleWords) * sizeof(ulong)];
        for (int word = 0; word < bytes.Length / sizeof(ulong); word++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(word * sizeof(ulong)), entry.Handle[word]);
        return new FileHandle((int)entry.Type, bytes.AsMemory(0, (int)Math.Min(entry.Bytes, (uint)bytes.Length)));
    }

    private static List<KernelPath> MountsOf(ulong device, ProcDirectory proc, ProcText text) =>
        proc.TryRead("mountinfo"u8, text) ? MountInfo.ParseAll(text).FindAll(mount => mount.Device == device).ConvertAll(mount => mount.MountPoint) : [];

    private static KernelPath? PathByHandle(FileHandle handle, KernelPath mountPoint)
    {
        if (handle.Bytes.IsEmpty)
            return null;
        long directory = Kernel.OpenAt(Fcntl.AT_FDCWD, mountPoint.ToCString(), Fcntl.O_RDONLY | Fcntl.O_NONBLOCK);
        if (Kernel.Failed(directory))
            return null;
        using var mount = Kernel.Own(directory);
        byte[] asked = new byte[HandleHeader + handle.Bytes.Length];
        BinaryPrimitives.WriteInt32LittleEndian(asked, handle.Bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(asked.AsSpan(sizeof(int)), handle.Type);
        handle.Bytes.Span.CopyTo(asked.AsSpan(HandleHeader));
        fixed (byte* start = asked)
        {
            long opened = Kernel.Call(Nr.open_by_handle_at, mount.Fd(), (long)start, Fcntl.O_PATH | Fcntl.O_CLOEXEC);
            if (Kernel.Failed(opened))
                return null;
            using var file = Kernel.Own(opened);
            return OwnLink(file);
        }
    }

    private static KernelPath? OwnLink(SafeFileHandle file)
    {
        if (!ProcDirectory.TryOpen(Environment.ProcessId, out var self))
            return null;
        using (self)
            return self.TryReadLink(ProcName.Of("fd"u8, file.Fd()), out var link) ? link : null;
    }

    /// <summary>st_dev of files on that mount: some file systems show their files another device than their mount.</summary>
    private static ulong? MountsByStat(KernelPath mountPoint) => OpenFile.TryStat(Fcntl.AT_FDCWD, mountPoint.ToCString(), out var stat) ? stat.Device : null;

    /// <summary>Whether the path leads to that inode still, itself, not by a link at its end.</summary>
    private static bool Leads(KernelPath path, ulong inode, ulong device, ulong? statDevice)
    {
        Stat stat;
        fixed (byte* name = path.ToCString())
            if (Kernel.Failed(Kernel.Call(Nr.newfstatat, Fcntl.AT_FDCWD, (long)name, (long)(&stat), Fcntl.AT_SYMLINK_NOFOLLOW)))
                return false;
        return stat.Inode == inode && (stat.Device == statDevice || KernelDevice.FromStat(stat.Device) == device);
    }

    private static HashSet<KernelPath> Candidates(DumpTask task, DumpContext context)
    {
        var found = new HashSet<KernelPath>();
        foreach (var link in (ReadOnlySpan<ProcName>)["cwd"u8, "exe"u8, "root"u8])
            Add(found, task.Proc, link);
        foreach (int fd in context.Files.NumbersOf(task))
            Add(found, task.Proc, ProcName.Of("fd"u8, fd));
        return found;
    }

    private static void Add(HashSet<KernelPath> found, ProcDirectory proc, in ProcName name)
    {
        if (!proc.TryReadLink(name, out var path) || !path.StartsWith("/"u8))
            return;
        while (found.Add(path) && path.Length > 1)
            path = new KernelPath(path.Span[..Math.Max(path.Span.LastIndexOf((byte)'/'), 1)]);
    }
}
