using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>signalfd(2): a set of signals. What it reads are the pending signals of whoever reads, which are dumped with the process.</summary>
internal sealed class SignalFd : IFileKind
{
    public FdTypes Type => FdTypes.Signalfd;

    public bool Matches(OpenFile file) => file.Link.Is("anon_inode:[signalfd]"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context) => new()
    {
        Type = FdTypes.Signalfd,
        Id = id,
        Sgfd = new SignalfdEntry
        {
            Id = id, Flags = file.Flags, Fown = file.ReadOwner(),
            Sigmask = file.Info.SignalMask ?? throw context.Refuse(file.Task, $"the kernel does not tell the signals of {file}"),
        },
    };

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Sgfd;
        var batch = making.Stream.Room(6, 32);
        var fd = batch.Call(Nr.signalfd4, -1L, batch.New(entry.Sigmask).Remote, sizeof(ulong), 0L);
        batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Flags & ~(uint)Fcntl.O_ACCMODE);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }
}
