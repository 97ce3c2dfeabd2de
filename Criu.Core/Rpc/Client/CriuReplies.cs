namespace Criu.Core.Rpc;

/// <summary>Which criu answers.</summary>
/// <param name="Major">E.g. 4.</param>
/// <param name="Minor">E.g. 2.</param>
/// <param name="Sublevel">The third number; null where there is none.</param>
/// <param name="GitId">The commit it was built from; null where it does not tell.</param>
public sealed record CriuRelease(int Major, int Minor, int? Sublevel = null, string? GitId = null)
{
    /// <summary>With dots, e.g. 4.2.</summary>
    public override string ToString() => Sublevel is { } third ? $"{Major}.{Minor}.{third}" : $"{Major}.{Minor}";
}

/// <summary>What a criu says of itself when it is asked for its features.</summary>
/// <param name="MemoryTracking">It can tell which pages have changed since an earlier dump.</param>
/// <param name="LazyPages">It can fetch pages after the restore.</param>
/// <param name="PidfdStore">It can keep pidfds between dumps.</param>
public sealed record CriuAbilities(bool MemoryTracking, bool LazyPages, bool PidfdStore);

/// <summary>The answer to a dump.</summary>
/// <param name="IsRestored">
/// False: the dump is complete. True: whoever asked dumped itself, and this is the copy that was restored from the images, maybe on another day.
/// </param>
public sealed record DumpReply(bool IsRestored);

/// <summary>The answer to a restore.</summary>
/// <param name="RootPid">The root of the restored tree, in the pid namespace of criu.</param>
public sealed record RestoreReply(int RootPid);
