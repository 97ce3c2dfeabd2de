using System.Buffers.Binary;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// epoll(7). fdinfo tells each target by the number that it had when it was added; the number may have been closed or given to another file since, so kcmp says
/// which descriptor of the process is the target now.
/// </summary>
internal sealed class EventPoll : IFileKind, IFileSecondPass
{
    public FdTypes Type => FdTypes.Eventpoll;

    public bool Matches(OpenFile file) => file.Link.Is("anon_inode:[eventpoll]"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        var entry = new EventpollFileEntry { Id = id, Flags = file.Flags, Fown = file.ReadOwner() };
        if (file.Waiting == null)
            entry.Tfd.Add(TargetsIn(file.Task, file, id, context, out var missing) ?? throw Refuse(file, missing, "the process holds", context));
        else if (file.Info.EpollTargets.Count > 0)
            AddTargetsOfWaiting(file, entry, context);
        return new FileEntry { Type = FdTypes.Eventpoll, Id = id, Epfd = entry };
    }

    /// <summary>One that waits in a socket has targets that some process has: the numbers are those of one that has all of them.</summary>
    private static void AddTargetsOfWaiting(OpenFile file, EventpollFileEntry entry, DumpContext context)
    {
        int missing = 0;
        foreach (var task in context.Files.Tables)
            if (TargetsIn(task, file, entry.Id, context, out missing) is { } found)
            {
                entry.Tfd.Add(found);
                entry.NumbersOf = (uint)task.Pid;
                return;
            }
        throw Refuse(file, missing, "no process holds beside all others that it watches", context);
    }

    private static CheckpointException Refuse(OpenFile file, int missing, string what, DumpContext context) =>
        context.Refuse(file.Task, $"{file} watches a file that was descriptor {missing} and that {what}{(file.Waiting == null ? " no more" : "")}");

    /// <summary>Null where the process lacks one, which was <paramref name="missing"/>.</summary>
    private static List<EventpollTfdEntry>? TargetsIn(DumpTask task, OpenFile file, uint id, DumpContext context, out int missing)
    {
        var entries = new List<EventpollTfdEntry>();
        var seen = new Dictionary<int, uint>();
        foreach (var target in file.Info.EpollTargets)
        {
            uint before = seen.GetValueOrDefault(target.Fd);
            seen[target.Fd] = before + 1;
            missing = target.Fd;
            if (FindTarget(task, file, target, before, context) is not { } fd)
                return null;
            entries.Add(new EventpollTfdEntry
            {
                Id = id, Tfd = (uint)fd, Events = target.Events, Data = target.Data, Dev = (uint)target.Device, Inode = target.Inode, Pos = (ulong)target.Position,
            });
        }
        missing = -1;
        return entries;
    }

    private static int? FindTarget(DumpTask task, OpenFile file, EpollTarget target, uint before, DumpContext context)
    {
        if (IsTarget(task, file, target, before, target.Fd))
            return target.Fd;
        foreach (int fd in context.Files.NumbersOf(task))
            if (IsTarget(task, file, target, before, fd))
                return fd;
        return null;
    }

    /// <summary>
    /// KCMP_EPOLL_TFD: 0 where the descriptor is the file behind that entry. Of entries with one number, which belonged to several files in turn, the kernel takes the one that has
    /// so many <paramref name="before"/> it, in the order of fdinfo.
    /// </summary>
    private static unsafe bool IsTarget(DumpTask task, OpenFile file, EpollTarget target, uint before, int fd)
    {
        var slot = new KcmpEpollSlot { EpollFd = (uint)file.Fd, TargetFd = (uint)target.Fd, TargetOffset = before };
        return Kernel.Call(Nr.kcmp, task.Pid, file.Holder.Pid, Kcmp.EPOLL_TFD, fd, (long)(&slot)) == 0;
    }

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Epfd;
        var batch = making.Stream.Room(6, 16);
        var fd = batch.Call(Nr.epoll_create1, 0L);
        if ((entry.Flags & ~(uint)Fcntl.O_ACCMODE) != 0)
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Flags);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }

    public void Connect(FileEntry entry, int fd, RestoreTask task, BatchStream stream)
    {
        foreach (var target in entry.Epfd.Tfd)
        {
            var batch = stream.Room(1, 32);
            var slot = batch.NewArray<byte>(Epoll.EventSize);          // packed: u32 events, u64 data
            BinaryPrimitives.WriteUInt32LittleEndian(slot.Span, target.Events);
            BinaryPrimitives.WriteUInt64LittleEndian(slot.Span[4..], target.Data);
            batch.Call(Nr.epoll_ctl, fd, Epoll.EPOLL_CTL_ADD, target.Tfd, slot.Remote);
        }
    }
}
