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
        var seen = new Dictionary<int, uint>();
        foreach (var target in file.Info.EpollTargets)
        {
            uint before = seen.GetValueOrDefault(target.Fd);
            seen[target.Fd] = before + 1;
            entry.Tfd.Add(new EventpollTfdEntry
            {
                Id = id, Tfd = (uint)FindTarget(file, target, before, context), Events = target.Events, Data = target.Data,
                Dev = (uint)target.Device, Inode = target.Inode, Pos = (ulong)target.Position,
            });
        }
        return new FileEntry { Type = FdTypes.Eventpoll, Id = id, Epfd = entry };
    }

    private static int FindTarget(OpenFile file, EpollTarget target, uint before, DumpContext context)
    {
        if (IsTarget(file, target, before, target.Fd))
            return target.Fd;
        foreach (int fd in context.Files.NumbersOf(file.Task))
            if (IsTarget(file, target, before, fd))
                return fd;
        throw context.Refuse(file.Task, $"{file} watches a file that was descriptor {target.Fd} and that the process holds no more");
    }

    /// <summary>
    /// KCMP_EPOLL_TFD: 0 where the descriptor is the file behind that entry. Of entries with one number, which belonged to several files in turn, the kernel takes the one that has
    /// so many <paramref name="before"/> it, in the order of fdinfo.
    /// </summary>
    private static unsafe bool IsTarget(OpenFile file, EpollTarget target, uint before, int fd)
    {
        var slot = new KcmpEpollSlot { EpollFd = (uint)file.Fd, TargetFd = (uint)target.Fd, TargetOffset = before };
        return Kernel.Call(Nr.kcmp, file.Task.Pid, file.Task.Pid, Kcmp.EPOLL_TFD, fd, (long)(&slot)) == 0;
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
