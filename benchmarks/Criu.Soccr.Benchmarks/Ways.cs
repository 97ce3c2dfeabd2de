namespace Criu.Soccr.Benchmarks;

/// <summary>The ways in which ours is measured.</summary>
internal static class Ways
{
    public static SoccrOptions All { get; } = new();
    public static SoccrOptions Alike { get; } = new() { OptionsAreAlike = true };
    public static SoccrOptions AlikeQuiet { get; } = new() { OptionsAreAlike = true, ResumesQuietly = true };
    public static SoccrOptions AllQuiet { get; } = new() { ResumesQuietly = true };

    public static IEnumerable<(string Name, SoccrOptions Options, int Workers)> Each =>
        from way in new (string Name, SoccrOptions Options)[] { ("all", All), ("all, quiet", AllQuiet), ("alike", Alike), ("alike, quiet", AlikeQuiet) }
        from workers in (int[])[1, 2]
        select ($"{way.Name}, {workers} worker(s)", way.Options, workers);
}
