using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// Where a puppet's parts lie in its address space, side by side, so that one munmap removes them all.
/// <code>Blob | Arena ... | (a stub's ELF)</code>
/// </summary>
internal readonly record struct PuppetPlace(long Blob, long ArenaSize)
{
    public const long BlobSize = Mman.PageSize;

    public static PuppetPlace Within(AddressSpace space, long arenaSize) =>
        new(space.MiddleOfLargestHole(BlobSize + arenaSize), arenaSize);

    public long Arena => Blob + BlobSize;
    public long End => Arena + ArenaSize;
    public long Size => BlobSize + ArenaSize;
}
