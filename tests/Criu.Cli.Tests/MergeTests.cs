using Criu.Cli.CommandLine;
using Criu.Core;
using Criu.Core.Options;

namespace Criu.Cli.Tests;

public sealed class MergeTests
{
    [Fact]
    public void HasDefaultsOfCriu()
    {
        var merged = Merge("");
        Assert.Equal((".", ".", null, 2, null, false, null, false),
            (merged.Common.ImagesDir, merged.Common.WorkDir, merged.Common.LogFile, merged.Common.Verbosity, merged.Common.PidFile, merged.Common.DisplayStats, merged.Common.Tree, merged.Common.Detached));
        Assert.Equal(TimeSpan.FromSeconds(10), merged.Dump.Timeout);
        Assert.Empty(merged.Warnings);
    }

    [Fact]
    public void SetsWhatTheSessionNeeds()
    {
        var common = Merge("-t 12 -D img -W work -o log --pidfile pid --display-stats -d --close 7 --close 9").Common;
        Assert.Equal((12, "img", "work", "log", "pid", true, true), (common.Tree, common.ImagesDir, common.WorkDir, common.LogFile, common.PidFile, common.DisplayStats, common.Detached));
        Assert.Equal([7, 9], common.CloseFds);
    }

    [Fact]
    public void WorksWhereTheImagesAre() => Assert.Equal("img", Merge("-D img").Common.WorkDir);

    [Fact]
    public void SetsWhatTheEngineNeeds()
    {
        var merged = Merge("-R -s -j -S --timeout 3 --external file[1a:23] --external mnt[/a]:b --inherit-fd fd[3]:pipe[12] --inherit-fd fd[14]:tmp/x]:y");
        Assert.True(merged.Dump is { LeaveRunning: true, LeaveStopped: true, ShellJob: true });
        Assert.True(merged.Restore is { Sibling: true, LeaveStopped: true, ShellJob: true });
        Assert.Equal(TimeSpan.FromSeconds(3), merged.Dump.Timeout);
        Assert.Equal(["file[1a:23]", "mnt[/a]:b"], merged.Dump.External);
        Assert.Equal(merged.Dump.External, merged.Restore.External);
        Assert.Equal([new InheritedDescriptor(3, "pipe[12]"), new InheritedDescriptor(14, "tmp/x]:y")], merged.Restore.InheritFds);
    }

    [Theory]
    [InlineData("-v", 3)]
    [InlineData("-vv", 4)]
    [InlineData("-v -v", 4)]
    [InlineData("-v0 -v", 1)]
    [InlineData("-vv -v1", 1)]
    [InlineData("--verbosity=4", 4)]
    [InlineData("--verbosity", 3)]
    [InlineData("-v10", 10)]
    public void CountsVerbosity(string line, int level) => Assert.Equal(level, Merge(line).Common.Verbosity);

    [Theory]
    [InlineData("-j --no-shell-job")]
    [InlineData("-d --no-restore-detached")]
    public void LetsTheLastOneWin(string line) => Assert.True(Merge(line) is { Dump.ShellJob: false, Common.Detached: false });

    [Theory]
    [InlineData("-t abc", "-t abc: \"abc\" is not the number of a process")]
    [InlineData("-t 0", "-t 0: \"0\" is not the number of a process")]
    [InlineData("-t-5", "-t-5: \"-5\" is not the number of a process")]
    [InlineData("--timeout soon", "--timeout soon: \"soon\" is not a number of seconds")]
    [InlineData("-vx", "-vx: \"x\" is not a level")]
    [InlineData("-D=", "")]
    [InlineData("--images-dir=", "--images-dir=: the directory is empty")]
    [InlineData("--inherit-fd fd3:x", "--inherit-fd fd3:x: \"fd3:x\" is not fd[NUMBER]:RESOURCE")]
    [InlineData("--inherit-fd fd[x]:y", "--inherit-fd fd[x]:y: \"fd[x]:y\" is not fd[NUMBER]:RESOURCE")]
    [InlineData("--inherit-fd fd[3]:", "--inherit-fd fd[3]:: \"fd[3]:\" is not fd[NUMBER]:RESOURCE")]
    [InlineData("--external tty", "--external tty: \"tty\" is not TYPE[ID] or TYPE[ID]:VALUE")]
    [InlineData("--external [1]", "--external [1]: \"[1]\" is not TYPE[ID]")]
    [InlineData("--external unix[1]x", "--external unix[1]x: \"unix[1]x\" is not TYPE[ID]")]
    [InlineData("--tls", "--tls is not supported yet: there is no server")]
    [InlineData("-J net:5", "--join-ns (-J net:5) is not supported yet: the tree would stay")]
    [InlineData("--manage-cgroups=hard", "--manage-cgroups=hard: \"hard\" is none of none, props, soft, full, strict")]
    [InlineData("--file-validation buildid", "--file-validation is not supported yet: sizes are compared, build ids are not. The one value taken is filesize")]
    [InlineData("--cpu-cap=sse", "--cpu-cap=sse: \"sse\" is no part of a processor")]
    public void SaysWhatIsWrong(string line, string message)
    {
        if (message.Length == 0)
            Assert.Equal("=", Merge(line).Common.ImagesDir);      // a letter takes all that follows it
        else
            Assert.StartsWith(message, Assert.Throws<CheckpointException>(() => Merge(line)).Message);
    }

    [Fact]
    public void TakesWhatConcernsConnections()
    {
        var options = Merge("--tcp-established --skip-in-flight --network-lock iptables");
        Assert.True(options.Dump is { TcpEstablished: true, SkipInFlight: true, TcpClose: false, NetworkLock: NetworkLockMethod.Iptables } && options.Restore is { TcpEstablished: true, TcpClose: false });
        Assert.True(Merge("--tcp-close") is { Dump.TcpClose: true, Restore.TcpClose: true, Dump.NetworkLock: NetworkLockMethod.Nftables });
        Assert.Equal(NetworkLockMethod.Skip, Merge("--network-lock=skip").Dump.NetworkLock);
        Assert.StartsWith("--network-lock=ebtables: \"ebtables\" is no way to hold back packets", Assert.Throws<CheckpointException>(() => Merge("--network-lock=ebtables")).Message);
    }

    [Theory]
    [InlineData("--no-default-config --unprivileged --log-pid --deprecated --ms")]
    [InlineData("--manage-cgroups=ignore --cpu-cap=none --file-validation=filesize")]
    [InlineData("--no-tls --no-track-mem --no-auto-dedup --no-page-server --no-tcp-established")]
    public void TakesWhatIsSoAnyway(string line) => Assert.Empty(Merge(line).Warnings);

    [Theory]
    [InlineData("--link-remap", "--link-remap has no effect yet: an unlinked file is refused by name")]
    [InlineData("-l -l", "--file-locks (-l) has no effect yet: a tree that holds locks is refused by name")]
    [InlineData("--manage-cgroups=soft", "--manage-cgroups has no effect yet: control groups are not kept: processes come back in those of criu")]
    [InlineData("--manage-cgroups", "--manage-cgroups has no effect yet: control groups are not kept: processes come back in those of criu")]
    [InlineData("--ghost-limit 1M", "--ghost-limit has no effect yet: an unlinked file is refused by name")]
    public void WarnsWhereNothingComesOfIt(string line, string warning) => Assert.Equal([warning], Merge(line).Warnings);

    [Fact]
    public void TakesOrRefusesEveryOption()
    {
        foreach (var option in OptionCatalogue.All.Where(option => option.Support is OptionSupport.Refused or OptionSupport.NoEffect))
        {
            var setting = new OptionSetting(option.Name, option.Argument == OptionArgument.None ? OptionSetting.On : option.Name == "manage-cgroups" ? "soft" : "x", $"--{option.Name}");
            if (option.Support == OptionSupport.NoEffect)
                Assert.Contains(option.Note!, Assert.Single(OptionMerge.Merge([setting]).Warnings));
            else
                Assert.Contains(option.Note!, Assert.Throws<CheckpointException>(() => OptionMerge.Merge([setting])).Message);
        }
    }

    private static MergedOptions Merge(string line) => OptionMerge.Merge(GetOpt.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Settings);
}
