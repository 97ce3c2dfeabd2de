using Criu.Core.Engine;
using Criu.Core.Resources.Files;
using Criu.Parasite;

namespace Criu.Core.Resources;

/// <summary>
/// What a kind has to do for the whole tree in the course of a restore, beside each of its objects; a new one for each restore
/// (<see cref="ResourceCatalog.StagesOf(RestoreContext)"/>). In the order of the engine's phases; whoever needs a stage has it.
/// </summary>
internal interface IRestoreStages : IDisposable
{
    /// <summary>Reads images of its own, when processes and descriptions are known, and refuses what cannot be restored.</summary>
    void Load()
    {
    }

    /// <summary>Takes numbers of descriptors that nobody wants, as many as it needs: <see cref="FilePlan.Reserve"/>.</summary>
    void Reserve(FilePlan plan)
    {
    }

    /// <summary>A phase of its own when the root is there, before any other process. Null: there is none.</summary>
    Phase? AfterRoot => null;

    /// <summary>A leader has just begun its session, and has no child of it yet: adds calls to its stream.</summary>
    void BeginSession(RestoreTask leader)
    {
    }

    /// <summary>All processes are there, in their sessions and groups, with their memory.</summary>
    void AfterProcesses()
    {
    }

    /// <summary>All descriptions are made, each in one process; others have not fetched them yet.</summary>
    void AfterMaking(StageCalls listeners)
    {
    }

    /// <summary>A phase of its own when everything else is there, and only the letting go is left. Null: there is none.</summary>
    Phase? BeforeLettingGo => null;

    /// <summary>What the guard would do at the engine's end. It falls in the batch that lets the tree go.</summary>
    Pledge? Pledge => null;

    /// <summary>What the guard does in that batch, before the tree goes.</summary>
    IReadOnlyList<PledgedCall> LastCalls => [];

    /// <summary>The tree runs: nothing may fail any more.</summary>
    void AfterLettingGo()
    {
    }

    /// <summary>However the restore ends; before what was made ends, where it failed.</summary>
    void IDisposable.Dispose()
    {
    }
}
