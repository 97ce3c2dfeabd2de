using Criu.Core.Options;

namespace Criu.Core.Tests;

/// <summary>Configuration files, as CRIU 4.2 reads them.</summary>
public sealed class ConfigFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("tcp-established", "tcp-established", "true")]
    [InlineData("  log-file   /tmp/a.log  ", "log-file", "/tmp/a.log")]
    [InlineData("log-file=/tmp/a.log", "log-file", "/tmp/a.log")]
    [InlineData("log-f /tmp/a.log # why", "log-file", "/tmp/a.log")]
    [InlineData("log-file /tmp/a#b", "log-file", "/tmp/a")]
    [InlineData("log-file \"/tmp/a b#c\"", "log-file", "/tmp/a b#c")]
    [InlineData("log-file=\"/tmp/a b\"", "log-file", "/tmp/a b")]
    [InlineData("work-dir \"my \\\"work\\\" \\n\"", "work-dir", "my \"work\" \\n")]
    [InlineData("no-restore-sibling   # x", "restore-sibling", "false")]
    [InlineData("verbosity", "verbosity", null)]
    public void ReadsALine(string line, string name, string? value) =>
        Assert.Equal([new OptionSetting(name, value, "f:2")], ConfigFile.Parse($"# first\n{line}\n\n", "f"));

    [Theory]
    [InlineData("nonsense", "f:1: There is no option --nonsense")]
    [InlineData("--log-file x", "f:1: options are written without dashes here. Write log-file")]
    [InlineData("log-file", "f:1: log-file needs a value: FILE")]
    [InlineData("log-file a b", "f:1: log-file takes one value, and a b is given")]
    [InlineData("tcp-established yes", "f:1: tcp-established takes no value, and yes is given")]
    [InlineData("log-file \"a", "f:1: the quote is not closed")]
    [InlineData("no-tcp", "f:1: --no-tcp is ambiguous")]
    public void SaysWhatIsWrongWithALine(string line, string message) =>
        Assert.StartsWith(message, Assert.Throws<CheckpointException>(() => ConfigFile.Parse(line, "f")).Message);

    [Fact]
    public void NoneNeedExist()
    {
        Assert.Null(ConfigFile.TryRead(Path.Combine(_folder, "nothing")));
        Assert.Null(ConfigFile.TryRead(Path.Combine(Write("file", ""), "below")));
        OptionSetting given = new("config", Path.Combine(_folder, "nothing"), "--config");
        Assert.Contains("There is no configuration file", Assert.Single(OptionMerge.Merge(ConfigSources.Before([given], home: null)).Warnings));
    }

    [Fact]
    public void WhatIsGivenCountsMoreThanTheFiles()
    {
        string home = Path.Combine(_folder, "home");
        Directory.CreateDirectory(Path.Combine(home, ".criu"));
        Write("home/.criu/default.conf", "timeout 7\nshell-job\n");
        string named = Write("named", "timeout 8\n");
        Assert.Equal((7, true), Merge(home));
        Assert.Equal((9, true), Merge(home, new OptionSetting("timeout", "9", "")));
        Assert.Equal((10, false), Merge(home, new OptionSetting("no-default-config", OptionSetting.On, "")));
        Assert.Equal((8, false), Merge(home, new OptionSetting("config", named, "")));
        Assert.Equal((7, false), Merge(home, new OptionSetting("shell-job", OptionSetting.Off, "")));

        static (int, bool) Merge(string home, params OptionSetting[] given)
        {
            DumpOptions options = OptionMerge.Merge(ConfigSources.Before(given, home)).Dump;
            return ((int)options.Timeout.TotalSeconds, options.ShellJob);
        }
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
