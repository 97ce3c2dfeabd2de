using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// An end of a pipe. Its inode number ties the ends together, and names the contents, which tee(2) copies without taking them out.
/// </summary>
internal sealed class Pipe : IFileKind
{
    public FdTypes Type => FdTypes.Pipe;

    public bool Matches(OpenFile file) => file.Stat.Kind == Stat.S_IFIFO && file.Link.StartsWith("pipe:["u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        uint pipe = (uint)file.Stat.Inode;
        if (context.Files.IsFirst(FdTypes.Pipe, pipe))
            PipeContents.Dump(file, pipe, context.Writer(ImageKind.PipesData));
        return new FileEntry
        {
            Type = FdTypes.Pipe, Id = id, Pipe = new PipeEntry { Id = id, PipeId = pipe, Flags = file.Flags, Fown = file.ReadOwner() },
        };
    }

    public ulong? GroupOf(FileEntry entry, RestoreContext context) => entry.Pipe.PipeId;

    /// <summary>
    /// Both ends are made even where one of them is nobody's any more: the contents go in by it.
    /// </summary>
    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        if (TryInherit(group, making))
            return;
        uint pipe = group[0].Pipe.PipeId;
        var stream = making.Stream;
        var pair = stream.Keep<long>();                 // two ints, which later batches read
        stream.Room(1).Call(Nr.pipe2, pair.Remote, 0L);
        var contents = making.Task.Context.Of<PipeRestore>().OfPipe(pipe);
        var mover = stream.Room(5);
        mover.CallWith(Syscall.Dup3, 0, pair.Remote + sizeof(int), 0L, making.LinkDescriptor, Fcntl.O_CLOEXEC);
        if (contents.Size is not (0 or PipeContents.DefaultSize))
            mover.Call(Nr.fcntl, making.LinkDescriptor, Fcntl.F_SETPIPE_SZ, contents.Size);
        if (contents.Pieces.Count > 1 || group.Any(e => (e.Pipe.Flags & Fcntl.O_DIRECT) != 0))
            mover.Call(Nr.fcntl, making.LinkDescriptor, Fcntl.F_SETFL, Fcntl.O_DIRECT);
        PipeContents.Fill(stream, making.LinkDescriptor, contents);
        stream.Room(1).Call(Nr.close, making.LinkDescriptor);
        bool hasReader = false, hasWriter = false;
        foreach (var entry in group)
        {
            ref bool has = ref IsReader(entry) ? ref hasReader : ref hasWriter;
            MakeEnd(entry, pair.Remote, !has, making);
            has |= (entry.Pipe.Flags & Fcntl.O_LARGEFILE) == 0;
        }
        var last = stream.Room(4);
        last.CallWith(Syscall.Close, 0, pair.Remote, 0L);
        last.CallWith(Syscall.Close, 0, pair.Remote + sizeof(int), 0L);
    }

    private static bool TryInherit(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        string key = $"pipe:[{group[0].Pipe.PipeId}]";
        bool any = false;
        foreach (var entry in group)
            any |= making.TryInherit(entry.Id, key);
        return any;
    }

    /// <summary>Only what is opened by a path has O_LARGEFILE: such a description was opened by a link of /proc, and is again.</summary>
    private static void MakeEnd(FileEntry entry, long pair, bool isFirst, FileMaking making)
    {
        long end = IsReader(entry) ? pair : pair + sizeof(int);
        var batch = making.Stream.Room(9, 64);
        StepResult fd;
        if (isFirst && (entry.Pipe.Flags & Fcntl.O_LARGEFILE) == 0)
        {
            fd = batch.CallWith(Syscall.Fcntl, 0, end, 0L, Fcntl.F_DUPFD, 0L);
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Pipe.Flags);
        }
        else
        {
            batch.CallWith(Syscall.Dup3, 0, end, 0L, making.LinkDescriptor, Fcntl.O_CLOEXEC);
            fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text($"/proc/self/fd/{making.LinkDescriptor}"), entry.Pipe.Flags | Fcntl.O_NONBLOCK);
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Pipe.Flags);
            batch.Call(Nr.close, making.LinkDescriptor);
        }
        making.Place(batch, entry.Id, fd, entry.Pipe.Fown);
    }

    private static bool IsReader(FileEntry entry) => (entry.Pipe.Flags & Fcntl.O_ACCMODE) == Fcntl.O_RDONLY;
}
