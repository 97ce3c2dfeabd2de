using Criu.Cli.CommandLine;
using Criu.Core.Options;

namespace Criu.Cli.Tests;

public sealed class HelpTests
{
    public static TheoryData<string> Actions => ["dump", "restore", "check", "service"];

    [Theory, MemberData(nameof(Actions))]
    public void TellsEveryOptionOfAnAction(string name)
    {
        string page = CriuRun.Of(name, "--help").Out;
        foreach (var option in OptionCatalogue.CommandLine.Where(option => (option.Actions & ActionCatalogue.Resolve(name).Options) != 0 && option.Name != "help"))
        {
            Assert.Contains((option.Negatable ? "--[no-]" : "--") + option.Name, page);
            Assert.True(option.Note == null || Flat(page).Contains(Flat(option.Note), StringComparison.Ordinal), $"no word about {option.Name}: {option.Note}");
        }
    }

    [Theory, MemberData(nameof(Actions))]
    public void GivesExamplesThatCanBeRead(string name)
    {
        foreach (var (command, _) in ActionCatalogue.Resolve(name).Examples)
        {
            var line = GetOpt.Parse(command.Split(" 1>")[0].Split(' ')[1..]);
            Assert.Equal([name], line.Words);
            Assert.Empty(OptionMerge.Merge(line.Settings).Warnings);
            Assert.Contains(command, CriuRun.Of(name, "-h").Out);
        }
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("help")]
    public void TellsEveryAction(string word)
    {
        var run = CriuRun.Of(word);
        Assert.Equal(0, run.Status);
        Assert.All(ActionCatalogue.All, action => Assert.Contains($"  {action.Name} ", run.Out));
    }

    [Fact]
    public void TellsOfAnActionInEitherOrder() => Assert.Equal(CriuRun.Of("help", "dump").Out, CriuRun.Of("--help", "dump").Out);

    [Fact]
    public void CompletesOptions() => Assert.Contains("--leave-running\n", CriuRun.Of("[suggest:9]", "dump --le").Out);

    private static string Flat(string text) => string.Concat(text.Where(letter => !char.IsWhiteSpace(letter)));
}
