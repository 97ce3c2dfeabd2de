using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;

namespace Criu.Core.Resources.Files;

/// <summary>
/// A kind of open file description. A description that many descriptors and processes share is dumped once; it is made once, by the lowest process that holds it, and
/// fetched by the others.
/// </summary>
internal interface IFileKind
{
    FdTypes Type { get; }

    bool Matches(OpenFile file);

    /// <summary>The entry of one description; contents go to their own image. Null where the kind writes the entry itself, later.</summary>
    FileEntry? Dump(OpenFile file, uint id, DumpContext context);

    /// <summary>
    /// Makes descriptions in one process and leaves each at <see cref="FileMaking.PlaceOf"/>. All entries with one <see cref="GroupOf"/> come together.
    /// </summary>
    void Make(IReadOnlyList<FileEntry> group, FileMaking making);

    /// <summary>Descriptions with the same value can only be made together, such as the ends of a pipe; null: alone.</summary>
    ulong? GroupOf(FileEntry entry, RestoreContext context) => null;
}

/// <summary>For kinds that refer to other descriptors: called when all descriptors of the process are in their places.</summary>
internal interface IFileSecondPass
{
    /// <param name="entry">The description.</param>
    /// <param name="fd">A descriptor of it in this process.</param>
    /// <param name="task">The process.</param>
    /// <param name="batch">Takes the calls.</param>
    void Connect(FileEntry entry, int fd, RestoreTask task, BatchStream batch);
}
