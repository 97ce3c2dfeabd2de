using Criu.Cli.CommandLine;
using Criu.Core;
using Criu.Core.Options;

namespace Criu.Cli.Tests;

/// <summary>The catalogue against the list of CRIU 4.2's options.</summary>
public sealed class CatalogueTests
{
    private static readonly string[][] Rows =
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "data", "cli-options.tsv")).Skip(1).Select(line => line.Split('\t'))];

    public static TheoryData<string, string, string> Listed => [.. Rows.Select(row => (row[0], row[1], row[2]))];

    [Theory, MemberData(nameof(Listed))]
    public void HasEveryOptionAsCriuHasIt(string name, string value, string letter)
    {
        var option = OptionCatalogue.Find(name);
        Assert.NotNull(option);
        Assert.Equal(value.Split(';')[0] switch { "none" => OptionArgument.None, "argument" => OptionArgument.Required, _ => OptionArgument.Optional }, option.Argument);
        Assert.Equal(value.Contains("also --no-", StringComparison.Ordinal), option.Negatable);
        if (letter.Length > 0)
            Assert.Equal(letter, $"-{option.Short}");
    }

    [Fact]
    public void HasNothingElse() => Assert.Equal(Rows.Select(row => row[0]).Order(), OptionCatalogue.CommandLine.Select(option => option.Name).Order());

    /// <summary>What exists in requests alone is no option of the command line, nor of a configuration file.</summary>
    [Fact]
    public void KeepsFieldsOfRequestsForRequests() => Assert.All(OptionCatalogue.All.Except(OptionCatalogue.CommandLine), option =>
    {
        Assert.True(option.OnlyInRequests && option.RpcField == option.Name);
        Assert.Null(OptionCatalogue.Find(option.Name));
        Assert.Throws<CheckpointException>(() => GetOpt.Parse([$"--{option.Name}", "1"]));
        Assert.Throws<CheckpointException>(() => ConfigFile.Parse($"{option.Name} 1", "file"));
    });

    [Theory]
    [InlineData('d', "restore-detached")]
    [InlineData('S', "restore-sibling")]
    [InlineData('j', "shell-job")]
    [InlineData('l', "file-locks")]
    public void HasTheLettersThatShareAnOption(char letter, string name) => Assert.Equal(name, OptionCatalogue.Find(letter)!.Name);

    [Fact]
    public void HasNoLetterTwice()
    {
        var letters = OptionCatalogue.All.Where(option => option.Short != null).Select(option => option.Short).ToList();
        Assert.Equal(letters.Distinct(), letters);
    }

    [Fact]
    public void SaysWhyWhereAnOptionDoesNothing() => Assert.All(OptionCatalogue.All, option => Assert.Equal(option.Support == OptionSupport.Supported, option.Note == null));

    [Fact]
    public void NamesEveryValue() => Assert.All(OptionCatalogue.All, option => Assert.Equal(option.Argument == OptionArgument.None, option.ValueName == null));
}
