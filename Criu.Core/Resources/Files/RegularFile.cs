using System.Globalization;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>What is opened by its path: regular files, directories, and the devices that have no state of their own.</summary>
internal sealed class RegularFile : IFileKind
{
    // O_CREAT, O_EXCL, O_NOCTTY and O_TRUNC did their work when the file was opened first.
    private const uint OnceOnly = Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_NOCTTY | Fcntl.O_TRUNC;

    public FdTypes Type => FdTypes.Reg;

    public bool Matches(OpenFile file) =>
        file.Link.StartsWith("/"u8) && file.Stat.Kind switch
        {
            Stat.S_IFREG => !file.Link.StartsWith("/memfd:"u8),
            Stat.S_IFDIR => true,
            Stat.S_IFCHR => IsPlainDevice(file.Stat.SpecialDevice),
            _ => false,
        };

    /// <summary>Major 1: null, zero, full, random, urandom.</summary>
    private static bool IsPlainDevice(ulong device) => device is (1 << 8 | 3) or (1 << 8 | 5) or (1 << 8 | 7) or (1 << 8 | 8) or (1 << 8 | 9);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        string key = $"file[{file.Info.MountId:x}:{file.Stat.Inode:x}]";
        bool external = context.Options.External.Contains(key);
        if (!external)
            RefuseUnreachable(file.Link, file.Stat, file.ToString());
        var entry = Entry(id, external ? KernelPath.Of(key) : file.Link, file.Flags & ~OnceOnly, file.Stat);
        entry.Reg.Pos = (ulong)file.Info.Position;
        entry.Reg.Fown = file.ReadOwner();
        if (external)
            entry.Reg.Ext = true;
        return entry;
    }

    /// <summary>A file that is known by its path: the program, a mapping, a working directory.</summary>
    public static FileEntry DumpPath(uint id, KernelPath path, uint flags, Stat stat, string what)
    {
        RefuseUnreachable(path, stat, what);
        var entry = Entry(id, path, flags, stat);
        entry.Reg.Pos = 0;
        entry.Reg.Fown = new FownEntry { Uid = 0, Euid = 0, Signum = 0, PidType = 0, Pid = 0 };
        return entry;
    }

    /// <summary>One that has no name any more, under its last.</summary>
    public static FileEntry DumpGone(OpenFile file, uint id)
    {
        var gone = " (deleted)"u8;
        var entry = Entry(id, file.Link.EndsWith(gone) ? file.Link.WithoutLast(gone.Length) : file.Link, file.Flags & ~OnceOnly, file.Stat);
        (entry.Reg.Pos, entry.Reg.Fown) = (0, file.ReadOwner());
        return entry;
    }

    private static FileEntry Entry(uint id, KernelPath name, uint flags, Stat stat)
    {
        var reg = new RegFileEntry { Id = id, Flags = flags, Name = ByteString.CopyFrom(name.Span), Mode = stat.Mode };
        if (stat.Kind == Stat.S_IFREG && !IsLog(flags))
            reg.Size = (ulong)stat.Size;
        return new FileEntry { Type = FdTypes.Reg, Id = id, Reg = reg };
    }

    /// <summary>Only ever written at its end: others may go on doing that, and it is still the same file (as CRIU sees it).</summary>
    private static bool IsLog(uint flags) => (flags & (uint)Fcntl.O_ACCMODE) == (uint)Fcntl.O_WRONLY && (flags & (uint)Fcntl.O_APPEND) != 0;

    /// <summary>The path must lead to the same file again: an unlinked or covered one could not be opened at the restore.</summary>
    private static void RefuseUnreachable(KernelPath path, Stat stat, string what)
    {
        if (!OpenFile.TryStat(Fcntl.AT_FDCWD, path.ToCString(), out var now))
            throw new CheckpointException($"{what} is a file without a name: {path} was unlinked, renamed or lies in another mount namespace; this is not supported yet",
                "Close the file, or let it keep its name");
        if ((now.Device, now.Inode) != (stat.Device, stat.Inode))
            throw new CheckpointException($"{what}: the path {path} leads to another file now; this is not supported yet", "Put the file back in its place, or close it");
    }

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0];
        if (making.TryInherit(entry.Id, InheritKey(entry.Reg)))
            return;
        if (entry.Reg.Ext)
            throw new CheckpointException($"the file {entry.Reg.Name.ToStringUtf8()} was left outside at the dump", $"Give it with --inherit-fd fd[N]:{entry.Reg.Name.ToStringUtf8()}");
        CheckUnchanged(entry.Reg, making.Task.Context.Options);
        var batch = making.Stream.Room(5, entry.Reg.Name.Length + 16);
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes([.. entry.Reg.Name.Span, 0]), entry.Reg.Flags & ~OnceOnly);
        if (entry.Reg.Pos != 0)
            batch.Call(Nr.lseek, fd, (long)entry.Reg.Pos, Fcntl.SEEK_SET);
        making.Place(batch, entry.Id, fd, entry.Reg.Fown);
    }

    /// <summary>As --inherit-fd names them: a path without its first slash, or <c>file[mnt_id:inode]</c>.</summary>
    private static string InheritKey(RegFileEntry reg) => reg.Name.ToStringUtf8().TrimStart('/');

    /// <summary>
    /// A file that changed its size since the dump is another file for who has it mapped or goes on in its middle; one of another type is another in any case, and one of other
    /// permissions may have been replaced.
    /// </summary>
    public static void CheckUnchanged(RegFileEntry reg, RestoreOptions options)
    {
        if (!OpenFile.TryStat(Fcntl.AT_FDCWD, [.. reg.Name.Span, 0], out var stat))
            throw new CheckpointException($"the file {reg.Name.ToStringUtf8()} is not there", "Restore it to its place first");
        if (reg.HasSize && stat.Kind == Stat.S_IFREG && (ulong)stat.Size != reg.Size)
            throw new CheckpointException(string.Create(CultureInfo.InvariantCulture, $"the file {reg.Name.ToStringUtf8()} has {stat.Size} bytes, at the dump it had {reg.Size}"),
                "Restore the file as it was, or start from a newer dump");
        uint compared = options.SkipFileModeCheck ? Stat.S_IFMT : uint.MaxValue;
        if (reg.HasMode && ((stat.Mode ^ reg.Mode) & compared) != 0)
            throw new CheckpointException($"the file {reg.Name.ToStringUtf8()} has the mode 0{Convert.ToString(stat.Mode, 8)}, at the dump it had 0{Convert.ToString(reg.Mode, 8)}",
                "Change it back (chmod), or add --skip-file-rwx-check");
    }
}
