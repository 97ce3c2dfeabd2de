namespace Criu.Soccr.Benchmarks;

/// <summary>The ways in which ours is measured.</summary>
internal static class Ways
{
    public static SoccrOptions All { get; } = new();

    public static IEnumerable<(string Name, SoccrOptions Options, int Workers)> Each =>
        from way in new (string Name, SoccrOptions Options)[] { ("all options", All) }
        from workers in (int[])[1, 2]
        select ($"{way.Name}, {workers} worker(s)", way.Options, workers);
}
