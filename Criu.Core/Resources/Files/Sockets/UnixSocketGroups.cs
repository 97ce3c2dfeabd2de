using Criu.Images.Proto;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Which unix sockets belong together: those that are each other's peers, and those that have one name, as a listener and what it accepted have. Made by one process in
/// one order, none need wait for another's.
/// </summary>
internal sealed class UnixSocketGroups
{
    private readonly Dictionary<uint, uint> parents = [];

    private readonly Dictionary<uint, UnixSkEntry> outside = [];

    public UnixSocketGroups(IEnumerable<FileEntry> files)
    {
        var sockets = files.Where(f => f.Type == FdTypes.Unixsk && f.Usk != null).Select(f => f.Usk).ToList();
        foreach (var socket in sockets.FindAll(s => (s.Uflags & UnixSocketFlags.Outside) != 0))
            outside[socket.Ino] = socket;
        sockets.RemoveAll(s => outside.ContainsKey(s.Ino));
        foreach (var socket in sockets)
            parents[socket.Ino] = socket.Ino;
        var named = new Dictionary<string, uint>();
        foreach (var socket in sockets)
        {
            if (parents.ContainsKey(socket.Peer))
                Join(socket.Ino, socket.Peer);
            if (!socket.Name.IsEmpty && !named.TryAdd(NameKey(socket), socket.Ino))
                Join(socket.Ino, named[NameKey(socket)]);
        }
    }

    /// <summary>Equal for sockets that were bound alike.</summary>
    public static string NameKey(UnixSkEntry socket) => $"{Convert.ToHexString(socket.Name.Span)} {socket.NameDir.ToBase64()} {socket.Deleted}";

    /// <summary>The entry of a socket outside the tree; null for any other.</summary>
    public UnixSkEntry? Outside(uint inode) => outside.GetValueOrDefault(inode);

    public ulong GroupOf(UnixSkEntry socket) => Find(socket.Ino);

    private void Join(uint a, uint b) => parents[Find(a)] = Find(b);

    private uint Find(uint inode)
    {
        while (parents[inode] != inode)
            inode = parents[inode] = parents[parents[inode]];
        return inode;
    }
}
