using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Files;

/// <summary>
/// inotify(7): watches of inodes. They come last of all, so that what the restore opens and makes is no event for them, and under their numbers. Events that wait cannot be read
/// without taking them from the program: they are lost.
/// </summary>
internal sealed class InotifyInstance : IFileKind, IFileSecondPass
{
    public FdTypes Type => FdTypes.Inotify;

    public bool Matches(OpenFile file) => file.Link.Is("anon_inode:inotify"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        var entry = new InotifyFileEntry { Id = id, Flags = file.Flags, Fown = file.ReadOwner() };
        foreach (var watch in file.Info.InotifyWatches)
            entry.Wd.Add(Dump(file, watch, context));
        if (PendingBytes.Of(file) > 0)
            context.Log.LogWarning("{File} has events that nobody has read: they are lost", file);
        return new FileEntry { Type = FdTypes.Inotify, Id = id, Ify = entry };
    }

    private static InotifyWdEntry Dump(OpenFile file, InotifyWatch watch, DumpContext context)
    {
        var path = WatchedFiles.PathOf(watch, file.Task, context) ?? throw new CheckpointException(
            $"{file}: watch {watch.Descriptor} is on inode {watch.Inode:x} of device {watch.Device:x}, and no path leads there: it was unlinked, or cannot be found",
            "Remove the watch, give the file its name back, keep a descriptor of it, or dump with CAP_DAC_READ_SEARCH");
        var handle = WatchedFiles.ToEntry(watch.Handle);
        handle.Path = ByteString.CopyFrom(path.Span);
        return new InotifyWdEntry
        {
            Id = 0, IIno = watch.Inode, Mask = watch.Mask, IgnoredMask = 0, SDev = (uint)watch.Device, Wd = (uint)watch.Descriptor, FHandle = handle,
        };
    }

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Ify;
        var batch = making.Stream.Room(6, 16);
        var fd = batch.Call(Nr.inotify_init1, 0L);
        if ((entry.Flags & ~(uint)Fcntl.O_ACCMODE) != 0)
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Flags);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }

    /// <summary>In the order of their numbers, so that the next new one comes after the last.</summary>
    public void Connect(FileEntry entry, int fd, RestoreTask task, BatchStream stream)
    {
        foreach (var watch in entry.Ify.Wd.OrderBy(watch => watch.Wd))
        {
            var path = PathOf(watch, fd, task);
            var batch = stream.Room(2, path.Length + 16);
            batch.Call(Nr.ioctl, fd, Inotify.IOC_SETNEXTWD, (long)watch.Wd);
            batch.Call(Nr.inotify_add_watch, fd, batch.Bytes(path.ToCString()), (long)(watch.Mask | Inotify.IN_DONT_FOLLOW));
        }
    }

    private static KernelPath PathOf(InotifyWdEntry watch, int fd, RestoreTask task)
    {
        var path = watch.FHandle.HasPath ? new KernelPath(watch.FHandle.Path.Span) : WatchedFiles.PathOf(watch);
        if (path is not { } found)
            throw new CheckpointException($"descriptor {fd} of {task}: what its inotify watch {watch.Wd} was on cannot be found by its handle (inode {watch.IIno:x} of device {watch.SDev:x})",
                "Restore where the same file systems are mounted, or take another dump");
        if (!OpenFile.TryStat(Fcntl.AT_FDCWD, found.ToCString(), out _))
            throw new CheckpointException($"descriptor {fd} of {task}: inotify watches {found}, which is not there", "Restore it to its place first");
        return found;
    }
}
