using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// A named pipe, opened by its path. Its entry points at that of the path; what waits in it goes to an image of its own, once for each pipe, and comes back
/// through a descriptor that is opened for both directions, so that no end need wait for another.
/// </summary>
internal sealed class Fifo : IFileKind
{
    public FdTypes Type => FdTypes.Fifo;

    public bool Matches(OpenFile file) => file.Stat.Kind == Stat.S_IFIFO && file.Link.StartsWith("/"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        uint path = context.Files.AddPath(file);
        uint pipe = (uint)file.Stat.Inode;
        if (context.Files.IsFirst(FdTypes.Fifo, pipe))
            PipeContents.Dump(file, pipe, context.Writer(ImageKind.FifoData));
        return new FileEntry { Type = FdTypes.Fifo, Id = id, Fifo = new FifoEntry { Id = id, PipeId = pipe, RegfId = path } };
    }

    public ulong? GroupOf(FileEntry entry, RestoreContext context) => entry.Fifo.PipeId;

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var first = making.Task.Context.RegularFile(group[0].Fifo.RegfId);
        var stream = making.Stream;
        var batch = stream.Room(3, first.Name.Length + 16);
        var both = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes([.. first.Name.Span, 0]), Fcntl.O_RDWR | Fcntl.O_NONBLOCK);
        batch.Call(Nr.dup3, both, making.LinkDescriptor, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, both);
        var contents = making.Task.Context.Of<PipeRestore>().OfFifo(group[0].Fifo.PipeId);
        if (contents.Size != 0)
            stream.Room(1).Call(Nr.fcntl, making.LinkDescriptor, Fcntl.F_SETPIPE_SZ, contents.Size);
        PipeContents.Fill(stream, making.LinkDescriptor, contents);
        foreach (var entry in group)
            Open(making, entry, making.Task.Context.RegularFile(entry.Fifo.RegfId));
        stream.Room(1).Call(Nr.close, making.LinkDescriptor);
    }

    /// <summary>While the other one is open, no open waits for a peer.</summary>
    private static void Open(FileMaking making, FileEntry entry, RegFileEntry path)
    {
        var batch = making.Stream.Room(6, path.Name.Length + 32);
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes([.. path.Name.Span, 0]), path.Flags);
        making.Place(batch, entry.Id, fd, path.Fown);
    }
}
