using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>memfd_create(2): a file without a name. Its contents are dumped with the shared memory; a description of it is opened through the engine's.</summary>
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
        var file = making.Task.Context.SharedMemory.Memfd(entry.InodeId);
        var batch = making.Stream.Room(7, 64);
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text($"/proc/{Environment.ProcessId}/fd/{file.Fd()}"), entry.Flags);
        if (entry.Pos != 0)
            batch.Call(Nr.lseek, fd, (long)entry.Pos, Fcntl.SEEK_SET);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }
}
