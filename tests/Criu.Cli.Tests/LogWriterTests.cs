using System.Diagnostics;
using System.Text.RegularExpressions;
using Criu.Cli.Reporting;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Tests;

public sealed class LogWriterTests
{
    [Fact]
    public void WritesLinesAsCriuDoes()
    {
        string[] lines = Written(4, log =>
        {
            log.LogInformation("Dumping");
            log.LogInformation(new EventId(1, "pipe"), "two ends");
            log.LogWarning(new EventId(1, "sock"), "odd");
            log.LogError(new EventId(1, "sock"), "bad\nworse");
            log.LogDebug("detail");
            log.LogTrace("never");
        });
        Assert.All(lines.Where(line => line[0] == '('), line => Assert.Matches(@"^\(\d\d\.\d{6}\) ", line));
        Assert.Equal(["Dumping", "pipe: two ends", "Warn  (sock): odd", "Error (sock): bad", "worse", "detail"], lines.Select(line => Regex.Replace(line, @"^(\(\d+\.\d+\))? +", "")));
    }

    [Theory]
    [InlineData(0, "e")]
    [InlineData(1, "e")]
    [InlineData(2, "ew")]
    [InlineData(3, "ewi")]
    [InlineData(4, "ewid")]
    [InlineData(5, "ewidt")]
    public void WritesUpToItsLevel(int verbosity, string letters)
    {
        string[] lines = Written(verbosity, log =>
        {
            log.LogError("e");
            log.LogWarning("w");
            log.LogInformation("i");
            log.LogDebug("d");
            log.LogTrace("t");
        });
        Assert.Equal(letters, string.Concat(lines.Select(line => line[^1])));
    }

    [Fact]
    public void FormatsNothingBelowItsLevel() =>
        Written(2, log => log.Log<int>(LogLevel.Information, default, 0, null, (_, _) => throw new InvalidOperationException("formatted")));

    private static string[] Written(int verbosity, Action<LogWriter> write)
    {
        using var place = new TemporaryDirectory();
        using (var log = new LogWriter(Stopwatch.GetTimestamp(), verbosity, File.OpenHandle(place["log"], FileMode.Create, FileAccess.Write)))
            write(log);
        return File.ReadAllLines(place["log"]);
    }
}
