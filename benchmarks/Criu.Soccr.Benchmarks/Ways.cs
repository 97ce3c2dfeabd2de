namespace Criu.Soccr.Benchmarks;

/// <summary>The ways in which ours is measured.</summary>
internal static class Ways
{
    /// <summary>As it is without options.</summary>
    public static SoccrOptions All { get; } = new();

    /// <summary>Options of sockets are read once: as much work as libsoccr's, which reads none.</summary>
    public static SoccrOptions Alike { get; } = new() { OptionsAreAlike = true };

    public static SoccrOptions AlikeQuiet { get; } = new() { OptionsAreAlike = true, ResumesQuietly = true };

    public static IEnumerable<(string Name, SoccrOptions Options, int Workers)> Each =>
        from way in new (string Name, SoccrOptions Options)[] { ("all options", All), ("alike", Alike), ("alike and quiet", AlikeQuiet) }
        from workers in (int[])[1, 2]
        select ($"{way.Name}, {workers} worker{(workers == 1 ? "" : "s")}", way.Options, workers);
}
