using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;

namespace Criu.Core.Resources;

/// <summary>
/// What a kind has to do for the whole tree in the course of a dump, beside each of its objects; a new one for each dump (<see cref="ResourceCatalog.StagesOf(DumpContext)"/>).
/// In the order of the engine's phases; whoever needs a stage has it.
/// </summary>
internal interface IDumpStages : IDisposable
{
    /// <summary>The descriptors of all processes are dumped: what belongs to them is dumped too, and what lacks its other end is refused.</summary>
    void CheckDescriptors()
    {
    }

    /// <summary>A phase of its own when memory is done: what can only be had by holding or taking it, which is told to the guard first. Null: there is none.</summary>
    Phase? AfterMemory(Guard guard) => null;

    /// <summary>All is dumped: what whoever restores must know of it.</summary>
    void Describe(InventoryEntry inventory)
    {
    }

    /// <summary>The images are complete, and the tree is about to live on.</summary>
    void BeforeLettingGo()
    {
    }

    /// <summary>What the guard would do at the engine's end. It falls in the batch that kills the tree.</summary>
    Pledge? Pledge => null;

    /// <summary>The images are complete, and the tree was killed.</summary>
    void AfterKilling()
    {
    }

    /// <summary>However the dump ends, while the tree is still held where it was not let go or killed.</summary>
    void IDisposable.Dispose()
    {
    }
}
