using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.Rpc.Tests;

/// <summary>What a restored copy is told, as a file; and the check in process.</summary>
public sealed class StartMessageTests : IDisposable
{
    private readonly string _folder = Places.NewFolder("start");

    [Fact]
    public void IsReadAsItWasWrittenAndByItsOwnerAlone()
    {
        StartMessage message = new() { Arguments = ["", "two words", "\"ä\"\n"], Environment = new Dictionary<string, string?> { ["A"] = "1", ["B"] = null } };
        message.Save(_folder);
        string file = Path.Combine(_folder, StartMessage.FileName);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal([file], Directory.GetFiles(_folder));
        foreach (string path in (string[])[_folder, file])
        {
            StartMessage read = StartMessage.Load(path);
            Assert.Equal(message.Arguments, read.Arguments);
            Assert.Equal(message.Environment, read.Environment);
        }
    }

    [Fact]
    public void MayBeMissingOrEmptyAndNotDamaged()
    {
        Assert.Null(StartMessage.Load(_folder).Arguments);
        Assert.Null(StartMessage.Load("/nonexistent/start.json").Arguments);
        new StartMessage().Save(_folder);
        Assert.True(StartMessage.Load(_folder) is { Arguments: null, Environment.Count: 0 });
        foreach (string text in (string[])["", "{", "[]", "{\"arguments\": 1}", "{\"arguments\": [1]}", "{\"environment\": {\"A\": 1}}"])
        {
            File.WriteAllText(Path.Combine(_folder, StartMessage.FileName), text);
            Assert.Contains(StartMessage.FileName, Assert.Throws<CheckpointException>(() => StartMessage.Load(_folder)).Message);
        }
    }

    [Fact]
    public void CheckTellsWhatItProbedAndWhatLacks()
    {
        CheckResult essential = Checkpoint.Check(cancel: TestContext.Current.CancellationToken);
        Assert.True(essential.IsGood, string.Join("; ", essential.Lacks));
        Assert.All(essential.Features, probed => Assert.Equal(FeatureNeed.Always, probed.Feature.Need));
        Assert.True(Checkpoint.Check(new CheckOptions { Extra = true }, TestContext.Current.CancellationToken).Features.Count > essential.Features.Count);
        KernelFeature unused = KernelFeatures.All.First(feature => feature.Need == FeatureNeed.NotYet);
        CheckResult lacking = Checkpoint.Check(new CheckOptions { Features = [unused.Name] }, TestContext.Current.CancellationToken);
        Assert.False(lacking.IsGood);
        Assert.StartsWith($"{unused.Name}, needed to ", Assert.Single(lacking.Lacks));
        Assert.Contains("no feature nonsense", Assert.Throws<CheckpointException>(() => Checkpoint.Check(new CheckOptions { Features = ["nonsense"] }, TestContext.Current.CancellationToken)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
