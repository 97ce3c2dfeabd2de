using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>unix(7). Sockets that are connected, or that have one name, are made together, by one process, and fetched by the others.</summary>
internal sealed class UnixSocket : IFileKind
{
    public FdTypes Type => FdTypes.Unixsk;

    public bool Matches(OpenFile file) => file.SocketDomain == Sockets.AF_UNIX;

    public FileEntry Dump(OpenFile file, uint id, DumpContext context) => context.Of<UnixSocketDump>().Dump(file, id);

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making) => new UnixSocketMaking(group, making).Run();

    public ulong? GroupOf(FileEntry entry, RestoreContext context) => context.UnixSockets.GroupOf(entry.Usk);
}

/// <summary>Bits of uflags in the image.</summary>
internal static class UnixSocketFlags
{
    /// <summary>A socket outside the tree, which those of the tree find by its name.</summary>
    public const uint Outside = 1;

    /// <summary>A socket on which the tree has asked for its own dump: it gets the answer when it is restored.</summary>
    public const uint OfRequest = 2;

    /// <summary>A socket whose other end is outside: the restore is given one in its place.</summary>
    public const uint Inherited = 4;
}

/// <summary>Names of unix sockets, as images and the kernel hold them: sun_path without the family.</summary>
internal static class UnixName
{
    /// <summary>A file's path, with its NUL; an abstract name begins with one.</summary>
    public static bool IsPath(ReadOnlySpan<byte> name) => name.Length > 0 && name[0] != 0;

    public static bool IsRelative(ReadOnlySpan<byte> name) => IsPath(name) && name[0] != '/';

    public static ReadOnlySpan<byte> PathOf(ReadOnlySpan<byte> name) => name.IndexOf((byte)0) is >= 0 and var end ? name[..end] : name;

    public static string Show(ReadOnlySpan<byte> name) => name.IsEmpty ? "without a name"
        : IsPath(name) ? $"bound to {new Proc.KernelPath(PathOf(name).ToArray())}" : $"bound to @{new Proc.KernelPath(name[1..].ToArray())}";
}
