using Criu.Core.Options;

namespace Criu.Core;

/// <summary>A feature that was probed.</summary>
/// <param name="Feature">Which one, and what it is for.</param>
/// <param name="Report">What the kernel answered.</param>
public sealed record ProbedFeature(KernelFeature Feature, FeatureReport Report)
{
    /// <summary>A sentence: name, purpose, reason and advice.</summary>
    public override string ToString() => Report.Works ? $"{Feature.Name} works" : $"{Feature.Name}, needed to {Feature.Purpose}, does not work: {Report}";
}

/// <summary>What a check found.</summary>
/// <param name="Features">All that were probed, those that are always needed first.</param>
public sealed record CheckResult(IReadOnlyList<ProbedFeature> Features)
{
    /// <summary>Whether everything that was asked for works.</summary>
    public bool IsGood => Features.All(probed => probed.Report.Works);

    /// <summary>What does not work: name, purpose, reason and advice, a sentence each.</summary>
    public IEnumerable<string> Lacks => from probed in Features where !probed.Report.Works select probed.ToString();

    internal static CheckResult Of(CheckOptions options, CancellationToken cancel)
    {
        var probed = new List<ProbedFeature>();
        foreach (var feature in Asked(options))
        {
            cancel.ThrowIfCancellationRequested();
            probed.Add(new ProbedFeature(feature, feature.Probe()));
        }
        return new CheckResult(probed);
    }

    private static IEnumerable<KernelFeature> Asked(CheckOptions options) => options.Features.Count > 0
        ? options.Features.Select(name => KernelFeatures.Find(name) ?? throw new CheckpointException($"There is no feature {name}", "KernelFeatures.All has all that are known"))
        : KernelFeatures.All.Where(feature => feature.Need == FeatureNeed.Always || (options.Extra && feature.Need == FeatureNeed.Sometimes));
}
