namespace Criu.Core.Resources.Files;

/// <summary>
/// Descriptor numbers that we use for a while in one process, between those that it wants for itself:
///
///   0 … 7    free until everything is made: the kernel gives the lowest number, so what is opened for a moment is never in anybody's place
///   8 …      what is wanted, and in the gaps, then above, ours
/// </summary>
internal sealed class FreeNumbers(IEnumerable<int> wanted)
{
    public const int First = 8;

    private readonly HashSet<int> taken = [.. wanted];
    private int next = First;

    /// <summary>One above every number that is wanted or was taken.</summary>
    public int End => taken.Count == 0 ? 0 : taken.Max() + 1;

    public int Take()
    {
        while (!taken.Add(next))
            next++;
        return next;
    }
}
