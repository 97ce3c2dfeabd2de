namespace Criu.Soccr;

/// <summary>How a <see cref="NftablesLock"/> shall be.</summary>
public sealed record NftablesLockOptions
{
    /// <summary>The SO_MARK whose packets pass, in the machine's byte order. Not 0, which all packets have. As CRIU's unless set.</summary>
    public uint Mark { get; init; } = NftablesLock.DefaultMark;

    /// <summary>
    /// A connection is let go by itself when it has been held for so long; held again meanwhile, its time does not begin anew. Null: never. At least a millisecond.
    /// For a lock that outlives its process: a move that failed then gives the addresses free some day.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Called when everything is ready and the table not made yet: whoever wants it removed in any case arranges for that here, with <see cref="NftablesLock.RemovalMessage"/>.</summary>
    public Action<NftablesLock>? Prepared { get; init; }
}
