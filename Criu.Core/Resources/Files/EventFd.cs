using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>eventfd(2): a counter.</summary>
internal sealed class EventFd : IFileKind
{
    // EFD_SEMAPHORE has no field in the image. Its bit is that of O_WRONLY, which no eventfd has (all are O_RDWR) and which CRIU does not look at.
    private const uint Semaphore = 1;

    public FdTypes Type => FdTypes.Eventfd;

    public bool Matches(OpenFile file) => file.Link.Is("anon_inode:[eventfd]"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context) => new()
    {
        Type = FdTypes.Eventfd,
        Id = id,
        Efd = new EventfdFileEntry
        {
            Id = id, Flags = file.Flags | (file.Info.IsEventSemaphore == true ? Semaphore : 0), Fown = file.ReadOwner(),
            Counter = file.Info.EventCount ?? throw context.Refuse(file.Task, $"the kernel does not tell the counter of {file}"),
        },
    };

    /// <summary>eventfd2 takes 32 bits of a counter of 64: it is written instead.</summary>
    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Efd;
        var batch = making.Stream.Room(8, 32);
        var fd = batch.Call(Nr.eventfd2, 0L, (entry.Flags & Semaphore) | Fcntl.O_NONBLOCK);
        if (entry.Counter != 0)
            batch.Call(Nr.write, fd, batch.New(entry.Counter).Remote, sizeof(ulong));
        batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Flags & ~(uint)Fcntl.O_ACCMODE);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }
}
