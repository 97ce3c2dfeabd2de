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

    private void Bind(UnixSkEntry socket, int number)
    {
        var name = socket.Name.Span;
        if (name.IsEmpty)
            return;
        if (UnixName.IsPath(name))
        {
            CheckPathIsFree(socket);
            Enter(socket);
            var batch = stream.Room(1, LongestName);
            batch.Try(Nr.unlinkat, Fcntl.AT_FDCWD, batch.Bytes([.. UnixName.PathOf(name), 0]), 0L);
        }
        CallByName(Nr.bind, number, socket);
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

    private void CallByName(Nr call, int number, UnixSkEntry target)
    {
        Enter(target);
        var batch = stream.Room(1, LongestName + 16);
        batch.Call(call, number, batch.Bytes(Address(target)), AddressLength(target));
    }

    private static byte[] Address(UnixSkEntry socket) => [Sockets.AF_UNIX, 0, .. socket.Name.Span];

    private static int AddressLength(UnixSkEntry socket) => sizeof(ushort) + socket.Name.Length;

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
