using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// A terminal: a side of a pseudo terminal, /dev/tty, the console, a virtual terminal, or one that the user left outside by <c>--external tty[rdev:dev]</c>. What they
/// have together is in <see cref="TerminalDump"/> and <see cref="TerminalRestore"/>.
/// </summary>
internal sealed class Terminal : IFileKind
{
    public FdTypes Type => FdTypes.Tty;

    public bool Matches(OpenFile file) => file.Stat.Kind == Stat.S_IFCHR && TerminalDevice.TypeOf(file.Stat.SpecialDevice) != TtyType.Unknown;

    public FileEntry Dump(OpenFile file, uint id, DumpContext context) => context.Of<TerminalDump>().Dump(file, id);

    public ulong? GroupOf(FileEntry entry, RestoreContext context) => context.Of<TerminalRestore>().TerminalOf(entry) is { IsPair: true } pair ? pair.Key : null;

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        foreach (var entry in group)
            making.Task.Context.Of<TerminalRestore>().Make(entry, making);
    }
}
