using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>memfd_create(2): a file without a name. Its contents are dumped with the shared memory; descriptions are opened through the engine's, or are it.</summary>
internal sealed class MemFd : IFileKind
{
    public FdTypes Type => FdTypes.Memfd;

    public bool Matches(OpenFile file) => file.Stat.Kind == Stat.S_IFREG && file.Link.StartsWith("/memfd:"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context) => new()
    {
        Type = FdTypes.Memfd,
        Id = id,
        Memfd = new MemfdFileEntry
        {
            Id = id, Flags = file.Flags, Pos = (ulong)file.Info.Position, Fown = file.ReadOwner(), InodeId = context.SharedMemory.InodeOf(file),
        },
    };

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Memfd;
        var batch = making.Stream.Room(11, 64);
        var fd = making.Task.Context.SharedMemory.OpenMemfd(batch, entry.InodeId, entry.Flags, forDescriptor: true);
        if (entry.Pos != 0)
            batch.Call(Nr.lseek, fd, (long)entry.Pos, Fcntl.SEEK_SET);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }
}
