using System.Text;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Names. A path is bound anew, so the file that the dump left there goes first; but only if it is a socket that nobody has. A relative one is bound from its directory, where
/// the process stays until its own working directory is restored.
/// </summary>
internal sealed partial class UnixSocketMaking
{
    private const int LongestName = 108;                // sun_path

    private readonly List<byte[]> directories = [];     // made for a while, parents first

    private void Bind(UnixSkEntry socket, int number)
    {
        var name = socket.Name.Span;
        if (name.IsEmpty)
            return;
        if (UnixName.IsPath(name) && socket.Deleted)
        {
            BindUnlinked(socket, number);
            return;
        }
        if (UnixName.IsPath(name))
        {
            CheckPathIsFree(socket);
            Enter(socket);
            var batch = stream.Room(1, LongestName);
            batch.Try(Nr.unlinkat, Fcntl.AT_FDCWD, batch.Bytes([.. UnixName.PathOf(name), 0]), 0L);
        }
        BindToName(socket, number);
        if (UnixName.IsPath(name) && socket.FilePerms is { } permissions)
            SetPermissions(name, permissions);
    }

    private void SetPermissions(ReadOnlySpan<byte> name, FilePermsEntry permissions)
    {
        const int SetIdAndRights = 0xfff;               // 07777
        var own = making.Task.Context.OwnCredentials;
        var batch = stream.Room(2, LongestName);
        long path = batch.Bytes([.. UnixName.PathOf(name), 0]);
        if (permissions.Uid != own.Uid.FileSystem || permissions.Gid != own.Gid.FileSystem)
            batch.Call(Nr.fchownat, Fcntl.AT_FDCWD, path, permissions.Uid, permissions.Gid, 0L);
        batch.Call(Nr.fchmodat, Fcntl.AT_FDCWD, path, permissions.Mode & SetIdAndRights);
    }

    private void Enter(UnixSkEntry socket)
    {
        if (!UnixName.IsRelative(socket.Name.Span))
            return;
        if (!socket.HasNameDir)
            throw Refuse(socket, "is bound to a relative path, and the images do not tell from where", Damaged);
        var batch = stream.Room(1, socket.NameDir.Length + 16);
        batch.Call(Nr.chdir, batch.Bytes([.. socket.NameDir.Span, 0]));
    }

    /// <summary>
    /// The name of a socket whose file was unlinked stays its name, but leads elsewhere, or nowhere. What is there now steps aside for the moment of binding; then the socket's file gets a name of
    /// ours, by which the others find it until they are all connected: <see cref="Unlink"/>.
    /// </summary>
    private void BindUnlinked(UnixSkEntry socket, int number)
    {
        MakeDirectories(socket);
        EnterDirectoryOf(socket);
        byte[] own = FileOf(socket), aside = [.. Encoding.ASCII.GetBytes($".criu-{socket.Ino}-aside"), 0];
        Rename(own, aside, mayFail: true);
        BindToName(socket, number);
        EnterDirectoryOf(socket);
        Rename(own, OurNameOf(socket), mayFail: false);
        Rename(aside, own, mayFail: true);
    }

    private void Unlink(UnixSkEntry socket)
    {
        EnterDirectoryOf(socket);
        var batch = stream.Room(1, LongestName);
        batch.Try(Nr.unlinkat, Fcntl.AT_FDCWD, batch.Bytes(OurNameOf(socket)), 0L);
    }

    /// <summary>A directory that went with the file is there for as long.</summary>
    private void MakeDirectories(UnixSkEntry socket)
    {
        byte[] path = [.. UnixName.IsRelative(socket.Name.Span) ? [.. socket.NameDir.Span, (byte)'/'] : (byte[])[], .. UnixName.PathOf(socket.Name.Span)];
        for (int end = 1; path.AsSpan(end).IndexOf((byte)'/') is >= 0 and var length; end += length + 1)
        {
            byte[] directory = [.. path.AsSpan(0, end + length), 0];
            if (OpenFile.TryStat(Fcntl.AT_FDCWD, directory, out _) || directories.Exists(d => d.AsSpan().SequenceEqual(directory)))
                continue;
            directories.Add(directory);
            var batch = stream.Room(1, directory.Length + 16);
            batch.Call(Nr.mkdir, batch.Bytes(directory), 0x1c0L);                // 0700
        }
    }

    private void RemoveDirectories()
    {
        foreach (byte[] directory in directories.AsEnumerable().Reverse())
        {
            var batch = stream.Room(1, directory.Length + 16);
            batch.Try(Nr.rmdir, batch.Bytes(directory));
        }
    }

    private void Rename(byte[] from, byte[] to, bool mayFail)
    {
        var batch = stream.Room(1, from.Length + to.Length + 32);
        if (mayFail)
            batch.Try(Nr.rename, batch.Bytes(from), batch.Bytes(to));
        else
            batch.Call(Nr.rename, batch.Bytes(from), batch.Bytes(to));
    }

    private static byte[] OurNameOf(UnixSkEntry socket) => [.. Encoding.ASCII.GetBytes($".criu-{socket.Ino}"), 0];

    private static byte[] FileOf(UnixSkEntry socket)
    {
        var path = UnixName.PathOf(socket.Name.Span);
        return [.. path[(path.LastIndexOf((byte)'/') + 1)..], 0];
    }

    /// <summary>There, short names reach whatever the path's length is.</summary>
    private void EnterDirectoryOf(UnixSkEntry socket)
    {
        Enter(socket);
        var path = UnixName.PathOf(socket.Name.Span);
        int end = path.LastIndexOf((byte)'/');
        if (end < 0)
            return;
        var batch = stream.Room(1, LongestName + 16);
        batch.Call(Nr.chdir, batch.Bytes([.. path[..Math.Max(end, 1)], 0]));
    }

    private void BindToName(UnixSkEntry socket, int number)
    {
        Enter(socket);
        var batch = stream.Room(1, LongestName + 16);
        byte[] address = Address(socket);
        batch.Call(Nr.bind, number, batch.Bytes(address), address.Length);
    }

    /// <summary>connect, by the name under which it is found now.</summary>
    private void Connect(int number, UnixSkEntry target)
    {
        byte[] address = Reach(target);
        var batch = stream.Room(1, LongestName + 16);
        batch.Call(Nr.connect, number, batch.Bytes(address), address.Length);
    }

    /// <summary>Goes to where this address leads to the socket.</summary>
    private byte[] Reach(UnixSkEntry target)
    {
        if (target.Deleted && UnixName.IsPath(target.Name.Span))
        {
            EnterDirectoryOf(target);
            return [Sockets.AF_UNIX, 0, .. OurNameOf(target)];
        }
        Enter(target);
        return Address(target);
    }

    private static byte[] Address(UnixSkEntry socket) => [Sockets.AF_UNIX, 0, .. socket.Name.Span];

    /// <summary>Nothing there, or a socket whose process ended.</summary>
    private void CheckPathIsFree(UnixSkEntry socket)
    {
        byte[] path = [.. UnixName.IsRelative(socket.Name.Span) ? [.. socket.NameDir.Span, (byte)'/'] : (byte[])[], .. UnixName.PathOf(socket.Name.Span), 0];
        if (!OpenFile.TryStat(Fcntl.AT_FDCWD, path, out var stat))
            return;
        if (stat.Kind != Stat.S_IFSOCK)
            throw Refuse(socket, "finds something else there, which is no socket", "Move it away");
        foreach (var living in making.Task.Context.LivingUnixSockets)
            if (living.File is { } file && file.Inode == (uint)stat.Inode && file.Device == KernelDevice.FromStat(stat.Device))
                throw Refuse(socket, "finds a socket there that another process has", "End that process, or restore where the path is free");
    }
}
