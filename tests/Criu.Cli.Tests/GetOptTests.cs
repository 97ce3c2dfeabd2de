using Criu.Core;
using Criu.Core.Options;
using Criu.Cli.CommandLine;

namespace Criu.Cli.Tests;

/// <summary>What getopt_long(3) makes of a command line, and glibc's getopt of words behind the first that is no option.</summary>
public sealed class GetOptTests
{
    [Theory]
    // Letters: value attached or next, several in one word, one that takes a value ends the word.
    [InlineData("dump -t 123", "dump", "tree=123")]
    [InlineData("dump -t123", "dump", "tree=123")]
    [InlineData("-Rst9 dump", "dump", "leave-running=true leave-stopped=true tree=9")]
    [InlineData("-jD -s", "", "shell-job=true images-dir=-s")]
    // Optional values only attached.
    [InlineData("-v 4", "4", "verbosity=")]
    [InlineData("-v4", "", "verbosity=4")]
    [InlineData("-vvv", "", "verbosity=vv")]
    [InlineData("-dv4", "", "restore-detached=true verbosity=4")]
    [InlineData("--verbosity 4", "4", "verbosity=")]
    [InlineData("--verbosity=4", "", "verbosity=4")]
    [InlineData("--verbosity=", "", "verbosity=")]
    // Long names: value attached or next, cut short, negated.
    [InlineData("--tree=123", "", "tree=123")]
    [InlineData("--tree 123", "", "tree=123")]
    [InlineData("--tree --leave-running", "", "tree=--leave-running")]
    [InlineData("--images-dir=a=b", "", "images-dir=a=b")]
    [InlineData("--images-dir=", "", "images-dir=")]
    [InlineData("--tre 5", "", "tree=5")]
    [InlineData("--verb=3", "", "verbosity=3")]
    [InlineData("--leave-r", "", "leave-running=true")]
    [InlineData("--no-shell-job", "", "shell-job=false")]
    [InlineData("--no-she", "", "shell-job=false")]
    // A whole name wins over longer ones: tls, not tls-key; config is no no-default-config.
    [InlineData("--tls", "", "tls=true")]
    [InlineData("--root=/x", "", "root=/x")]
    // Options behind words, and the end of options.
    [InlineData("a -s b -R c", "a b c", "leave-stopped=true leave-running=true")]
    [InlineData("dump -- -t 1", "dump -t 1", "")]
    [InlineData("-t -- 5", "5", "tree=--")]
    [InlineData("- -s", "-", "leave-stopped=true")]
    // The order stays: the last one wins where they are merged.
    [InlineData("-t1 --tree 2 -t 3", "", "tree=1 tree=2 tree=3")]
    // One dash before a long name, where letters make no sense.
    [InlineData("check -verbosity=0", "check", "verbosity=0")]
    [InlineData("-feature x", "", "feature=x")]
    [InlineData("-external=unix[1]", "", "external=unix[1]")]
    // But not where they do: -r oot, -l -o g-file.
    [InlineData("-root", "", "root=oot")]
    [InlineData("-log-file", "", "file-locks=true log-file=g-file")]
    public void Reads(string line, string words, string settings)
    {
        var parsed = GetOpt.Parse(line.Split(' '));
        Assert.Equal(words, string.Join(' ', parsed.Words));
        Assert.Equal(settings, string.Join(' ', parsed.Settings.Select(setting => $"{setting.Name}={setting.Value}")));
    }

    [Theory]
    [InlineData("--bogus", "There is no option --bogus. Try criu --help")]
    [InlineData("--tcp-establishd", "There is no option --tcp-establishd. Is --tcp-established meant?")]
    [InlineData("--no-tree", "There is no option --no-tree")]
    [InlineData("-q", "There is no option -q")]
    [InlineData("-sq", "There is no option -q (in -sq)")]
    [InlineData("--le", "--le is ambiguous: --leave-running, --leave-stopped")]
    [InlineData("--tree", "--tree needs a value: PID")]
    [InlineData("-t", "-t needs a value: PID")]
    [InlineData("--leave-running=1", "--leave-running takes no value, but is written --leave-running=1")]
    [InlineData("--no-shell-job=1", "--no-shell-job takes no value, but is written --no-shell-job=1")]
    [InlineData("--=1", "There is no option --")]
    public void Refuses(string line, string message) =>
        Assert.StartsWith(message, Assert.Throws<CheckpointException>(() => GetOpt.Parse(line.Split(' '))).Message);

    [Theory]
    [InlineData("--tree=1", "--tree=1")]
    [InlineData("--tree 1", "--tree 1")]
    [InlineData("-t1", "-t1")]
    [InlineData("-t 1", "-t 1")]
    [InlineData("--tre=1", "--tree, written --tre=1")]
    public void RemembersWhatWasWritten(string line, string origin) => Assert.Equal(origin, GetOpt.Parse(line.Split(' ')).Settings[0].Origin);

    [Theory]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("dump", "dump", 0)]
    [InlineData("dumb", "dump", 1)]
    public void CountsChangedLetters(string a, string b, int distance) => Assert.Equal(distance, Spelling.Distance(a, b));
}
