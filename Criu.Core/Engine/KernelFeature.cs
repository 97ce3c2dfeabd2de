namespace Criu.Core;

/// <summary>When a feature of the kernel is needed.</summary>
public enum FeatureNeed
{
    /// <summary>For every dump or restore.</summary>
    Always,

    /// <summary>For trees that hold certain objects.</summary>
    Sometimes,

    /// <summary>CRIU has a use for it, this engine not yet.</summary>
    NotYet,
}

/// <summary>What a probe found.</summary>
/// <param name="Works">Whether the kernel has the feature, and lets the caller use it.</param>
/// <param name="Lack">What the kernel answered otherwise.</param>
/// <param name="Advice">What to do about it.</param>
public readonly record struct FeatureReport(bool Works, string? Lack = null, string? Advice = null)
{
    /// <summary>What the kernel answered, and what to do about it.</summary>
    public override string ToString() => Works ? "works" : Advice == null ? $"{Lack}" : $"{Lack}. {Advice}";
}

/// <summary>A feature of the kernel that dump or restore may need.</summary>
/// <param name="Name">CRIU's name for it where it has one (<c>criu check --feature</c>).</param>
/// <param name="Need">When it is needed.</param>
/// <param name="Purpose">What for, as the end of "needed to ...".</param>
public sealed record KernelFeature(string Name, FeatureNeed Need, string Purpose)
{
    internal Func<FeatureReport>? Asks { get; init; }

    /// <summary>Asks the kernel. Nothing is left behind.</summary>
    public FeatureReport Probe() => Asks?.Invoke() ?? new FeatureReport(false, "it is not used yet");
}
