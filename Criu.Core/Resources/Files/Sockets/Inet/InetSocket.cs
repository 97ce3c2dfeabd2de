using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// ip(7), ipv6(7): TCP, UDP, UDP-Lite, ping and raw sockets. The process only makes the bare socket; everything else is done by the engine on a descriptor of its own, for all
/// processes together, as sockets of different processes may share a port, and as TCP connections are held, paused and let go at once.
/// </summary>
internal sealed class InetSocket : IFileKind
{
    public FdTypes Type => FdTypes.Inetsk;

    public bool Matches(OpenFile file) => file.SocketDomain is Sockets.AF_INET or Sockets.AF_INET6;

    public FileEntry? Dump(OpenFile file, uint id, DumpContext context) => context.Of<InetSocketDump>().Dump(file, id);

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Isk;
        if (making.TryInherit(entry.Id, $"socket:[{entry.Ino}]"))
            return;
        var batch = making.Stream.Room(6, 32);
        var fd = batch.Call(Nr.socket, entry.Family, entry.Type, entry.Proto);
        making.Place(batch, entry.Id, fd, entry.Fown);
        making.Task.Context.Of<InetSocketRestore>().Add(entry, making.Task, making.PlaceOf(entry.Id));
    }
}
