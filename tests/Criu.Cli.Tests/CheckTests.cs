using Criu.Core;

namespace Criu.Cli.Tests;

public sealed class CheckTests
{
    [Fact]
    public void JudgesThisSystemAsItsProbesDo()
    {
        var run = CriuRun.Of("check");
        var missing = KernelFeatures.All.Where(feature => feature.Need == FeatureNeed.Always && !feature.Probe().Works).Select(feature => feature.Name).ToList();
        Assert.Equal(missing.Count == 0 ? (0, "Looks good.\n") : (1, "Does not look good.\n"), (run.Status, run.Out));
        Assert.All(missing, name => Assert.Contains($"Error (check): {name}, needed to ", run.Error));
    }

    [Fact]
    public void TellsWhatIsMissingWithoutPrivilege()
    {
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"), "drops root's capabilities");
        var run = CriuRun.Under("setpriv --bounding-set=-all --inh-caps=-all", "check");
        Assert.Equal((1, "Does not look good.\n"), (run.Status, run.Out));
        Assert.Contains("clone3_set_tid, needed to restore processes and threads under their ids, does not work: EPERM. Run as root", run.Error);
    }

    [Theory]
    [InlineData("kcmp", 0, "kcmp is supported\n")]
    [InlineData("uffd", 1, "uffd is not supported: it is not used yet\n")]
    public void AnswersForOneFeature(string name, int status, string text)
    {
        var run = CriuRun.Of("check", "--feature", name);
        Assert.Equal((status, text, ""), (run.Status, run.Out, run.Error));
    }

    [Theory]
    [InlineData("check -v0 --feature uffd", 1)]
    [InlineData("check -verbosity=0 --feature kcmp", 0)]
    [InlineData("check -verbosity=0 --feature bogus", 1)]
    public void IsQuietWhereAsked(string line, int status) => Assert.Equal(new CriuRun(status, "", ""), CriuRun.Of(line.Split(' ')));

    [Fact]
    public void ListsFeatures() => Assert.Equal(KernelFeatures.All.Select(feature => feature.Name), CriuRun.Of("check", "--feature", "list").Out.TrimEnd('\n').Split('\n'));
}

/// <summary>Counts what the process has, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(ProbeTests), DisableParallelization = true), Collection(nameof(ProbeTests))]
public sealed class ProbeTests
{
    [Fact]
    public void LeaveNothingBehind()
    {
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        foreach (var feature in KernelFeatures.All)
            feature.Probe();
        Assert.Equal(before, Directory.GetFileSystemEntries("/proc/self/fd").Length);
    }
}
