using Criu.EndToEnd.Tests.Harness;
using Criu.Native.Tests.Harness;

namespace Criu.Native.Tests;

/// <summary>Real dumps and restores by this project's criu, reached in all three ways.</summary>
public sealed class TreeTests : IDisposable
{
    private const int SIGUSR1 = 10, EndedWell = 41;

    private readonly string folder = Places.NewFolder("native");

    private string Images => Path.Combine(folder, "images");

    public TreeTests()
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it restores pids");
        Directory.CreateDirectory(Images);
    }

    public static TheoryData<string, bool> Ways => new() { { "binary", false }, { "binary", true }, { "address", false }, { "address", true }, { "fd", false }, { "fd", true } };

    private static string Call(string way, bool isLocal, params string[] words) => Command.Demand([Programs.Of("calls"), .. isLocal ? (string[])["local"] : [], way, .. words]);

    /// <summary>In a session of its own, with nothing open but /dev/null and a log.</summary>
    private int StartTarget(params string[] argv)
    {
        int pid = Child.Start([Places.Program("launch"), folder, "022", .. argv]);
        Assert.True(Child.Until(() => Log.Contains("ready", StringComparison.Ordinal) || argv.Length > 1), "the target does not start");
        return pid;
    }

    private string Log => File.Exists(Path.Combine(folder, "log")) ? File.ReadAllText(Path.Combine(folder, "log")) : "";

    [Theory]
    [MemberData(nameof(Ways))]
    public void AProcessIsDumpedAndRestored(string way, bool isLocal)
    {
        using var service = way == "binary" ? null : new RealService();
        string reached = $"{way}={service?.Socket ?? Programs.Criu}";
        int pid = StartTarget(Programs.Of("target"));
        Assert.Equal("dump = 0\n", Call(reached, isLocal, $"images={Images}", $"pid={pid}", "log=dump.log", "dump"));
        Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(10)));
        Assert.Equal($"restore = {pid}\n", Call(reached, isLocal, $"images={Images}", "log=restore.log", "restore"));
        Assert.True(File.Exists(Path.Combine(Images, "restore.log")));
        Assert.Equal(0, Libc.kill(pid, SIGUSR1));
        Assert.Equal(EndedWell, Child.Wait(pid, TimeSpan.FromSeconds(10)));
    }

    /// <summary>A terminal whose master was outside is made again, and its new master is the caller's.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public void AnOrphanedTerminalComesToTheCaller(string way, bool isLocal)
    {
        using var service = way == "binary" ? null : new RealService();
        string reached = $"{way}={service?.Socket ?? Programs.Criu}";
        int pid;
        using (var outside = TerminalMaster.Open())
        {
            pid = StartTarget(Places.Program("terminals"), "outside", outside.Name);
            Assert.True(Child.Until(() => Log.Contains("shell 2", StringComparison.Ordinal)), "the target does not run");
            Assert.Equal("dump = 0\n", Call(reached, isLocal, $"images={Images}", $"pid={pid}", "orphan", "log=dump.log", "dump"));
            Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(10)));
        }
        Assert.Equal($"pre-restore pid 0\norphan-pts-master pid 0, terminal\npost-restore pid {pid}, terminal\npre-resume pid 0, terminal\npost-resume pid 0, terminal\n"
            + $"restore = {pid}\nanswer = you said: hello\r\n", Call(reached, isLocal, $"images={Images}", "notify", "orphan", "log=restore.log", "restore", "ask=hello"));
        File.WriteAllText(Path.Combine(folder, "finish"), "");
        Child.Wait(pid, TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARestoredChildIsTheCallersOwn(bool isLocal)
    {
        int pid = StartTarget(Programs.Of("target"));
        Assert.Equal("dump = 0\n", Call($"binary={Programs.Criu}", isLocal, $"images={Images}", $"pid={pid}", "dump"));
        Child.Wait(pid, TimeSpan.FromSeconds(10));
        Assert.Equal($"restore_child = {pid}\nwait = 1, status {EndedWell}\n", Call($"binary={Programs.Criu}", isLocal, $"images={Images}", "child", $"kill={SIGUSR1}", "wait"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AProgramDumpsItself(bool isLocal)
    {
        int pid = StartTarget([Programs.Of("calls"), .. isLocal ? (string[])["local"] : [], $"binary={Programs.Criu}", $"images={Images}", "log=dump.log", "dump"]);
        Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(20)));
        Assert.Equal("", Log);
        Assert.Equal($"restore_child = {pid}\nwait = 1, status 0\n", Call($"binary={Programs.Criu}", isLocal, $"images={Images}", "log=restore.log", "child", "wait"));
        Assert.Equal("dump = 1\n", Log);
    }

    [Fact]
    public void AProgramThatDumpsItselfGoesOn()
    {
        int pid = StartTarget(Programs.Of("calls"), $"binary={Programs.Criu}", $"images={Images}", "log=dump.log", "leave", "dump");
        Assert.Equal(0, Child.Wait(pid, TimeSpan.FromSeconds(20)));
        Assert.Equal("dump = 0\n", Log);
    }

    [Fact]
    public void StagesAreTold()
    {
        int pid = StartTarget(Programs.Of("target"));
        string[] dump = Call($"binary={Programs.Criu}", false, $"images={Images}", $"pid={pid}", "notify", "dump").Split('\n');
        Child.Wait(pid, TimeSpan.FromSeconds(10));
        Assert.StartsWith("pre-dump ", dump[0]);
        Assert.Equal(["dump = 0", ""], dump[^2..]);
        string restore = Call($"binary={Programs.Criu}", false, $"images={Images}", "notify", "child", $"kill={SIGUSR1}", "wait");
        Assert.Contains($"post-restore pid {pid}\n", restore);
        Assert.EndsWith($"restore_child = {pid}\nwait = 1, status {EndedWell}\n", restore);
    }

    [Fact]
    public void ANoToAStageLeavesTheTargetRunning()
    {
        int pid = StartTarget(Programs.Of("target"));
        Assert.Equal("pre-dump pid ", Call($"binary={Programs.Criu}", false, $"images={Images}", $"pid={pid}", "notify", "no=pre-dump", "dump")[.."pre-dump pid ".Length]);
        Libc.kill(pid, SIGUSR1);
        Assert.Equal(EndedWell, Child.Wait(pid, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void TheExampleOfTheDocsWorks()
    {
        string text = File.ReadAllText(Path.Combine(Places.Repository, "docs/c-api.md")), source = Path.Combine(folder, "example.c"), program = Path.Combine(folder, "example");
        File.WriteAllText(source, text.Split("```c\n")[1].Split("```")[0]);
        Command.Demand(["gcc", "-Wall", "-Wextra", "-Werror", source, "-o", program, .. Programs.Flags("criu"), $"-Wl,-rpath,{Programs.Libraries}"]);
        int pid = StartTarget(Programs.Of("target"));
        Command.Demand(program, Programs.Criu, Images, $"{pid}");
        Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(10)));
        Command.Demand(program, Programs.Criu, Images, "-");
        Libc.kill(pid, SIGUSR1);
        Assert.Equal(EndedWell, Child.Wait(pid, TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void CriuAnswersQuestions(string way, bool isLocal)
    {
        using var service = way == "binary" ? null : new RealService();
        string reached = $"{way}={service?.Socket ?? Programs.Criu}";
        Assert.Equal("check = 0\n", Call(reached, isLocal, "check"));
        Assert.Equal("get_version = 40200\n", Call(reached, isLocal, "version"));
        Assert.Matches("^feature_check = 0\n[01]0[01]\n$", Call(reached, isLocal, "features"));
        Assert.Equal("dump = -52, errno 3\n", Call(reached, isLocal, $"images={Images}", "pid=4194303", "dump"));
    }

    public void Dispose()
    {
        string leaks = Leaks.In([]);
        Leaks.EndDescendants();
        Directory.Delete(folder, recursive: true);
        Assert.Equal("", leaks);
    }
}
