namespace Criu.Cli.Tests;

/// <summary>Runs of the whole, as a user sees them: output, exit status, files.</summary>
public sealed class CommandTests
{
    [Fact]
    public void TellsTheVersionThatDriversLookFor()
    {
        var run = CriuRun.Of("--version");
        Assert.Equal((0, "Version: 4.2"), (run.Status, run.Out.Split('\n')[0]));
        Assert.Equal(run, CriuRun.Of("-V"));
    }

    [Theory]
    [InlineData("", "No action is given")]
    [InlineData("foo", "There is no action foo. Try criu --help")]
    [InlineData("dumb", "There is no action dumb. Is dump meant?")]
    [InlineData("dump more -t 1", "dump takes no \"more\"")]
    [InlineData("pre-dump", "pre-dump is not supported yet: ")]
    [InlineData("swrk", "swrk needs the number of a descriptor")]
    [InlineData("swrk three", "\"three\" is no number of a descriptor")]
    [InlineData("swrk 999", "There is no descriptor 999")]
    [InlineData("swrk 0", "Descriptor 0 is no unix socket of type SOCK_SEQPACKET")]
    [InlineData("dump", "dump needs the process to dump. Add -t PID")]
    [InlineData("dump -t 2147483647", "There is no process 2147483647")]
    [InlineData("dump -t 1 -sR", "--leave-running and --leave-stopped exclude each other")]
    [InlineData("dump -t 1 -D /nowhere", "The images directory /nowhere cannot be used: it does not exist. Make it, or name another with -D")]
    [InlineData("dump -t 1 -D /dev/null", "The images directory /dev/null cannot be used: it is not a directory")]
    [InlineData("dump -t 1 -W /nowhere", "The work directory /nowhere cannot be used: it does not exist")]
    [InlineData("dump -t 1 -o /nowhere/log", "The log /nowhere/log cannot be written: it does not exist")]
    [InlineData("dump -t 1 --track-mem", "--track-mem is not supported yet: every dump is a whole one")]
    [InlineData("restore -S", "--restore-sibling needs --restore-detached")]
    [InlineData("restore --close 999", "--close 999: there is no descriptor 999")]
    [InlineData("check --feature bogus", "Unknown feature bogus")]
    [InlineData("crit", "crit needs to know what to do")]
    public void SaysInOneLineWhatIsWrong(string line, string message)
    {
        var run = CriuRun.Of(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((1, ""), (run.Status, run.Out));
        Assert.Contains($"): {message}", run.Error);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void RestoresNothingWhereThePidFileExists()
    {
        using var place = new TemporaryDirectory();
        File.WriteAllText(place["pid"], "");
        var run = CriuRun.Of("restore", "-D", place.Path, "--pidfile", "pid", "-o", "log");
        Assert.Equal(1, run.Status);
        string message = $"Error (restore): The pid file {place["pid"]} exists already. Remove it, or name another with --pidfile\n";
        Assert.StartsWith(message, run.Error);
        Assert.Contains(message, File.ReadAllText(place["log"]));
        Assert.EndsWith("Error (restore): Restoring FAILED.\n", File.ReadAllText(place["log"]));
    }

    [Fact]
    public void WarnsInTheLogAboutOptionsWithoutEffect()
    {
        using var place = new TemporaryDirectory();
        CriuRun.Of("restore", "-D", place.Path, "--file-locks", "-o", "log");
        Assert.Contains("Warn  (options): --file-locks has no effect yet", File.ReadAllText(place["log"]));
    }
}
