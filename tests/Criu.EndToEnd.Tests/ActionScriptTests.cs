using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Scripts at each stage, and the command that criu becomes.</summary>
public sealed class ActionScriptTests : EndToEndTest
{
    // Says what it was told and what it finds; fails at the stage that the file "fail" names.
    private const string Script = """
        #!/bin/sh
        cd "$(dirname "$0")"
        images=none
        [ -e "$CRTOOLS_IMAGE_DIR/inventory.img" ] && images=whole
        state=gone
        [ -n "$CRTOOLS_INIT_PID" ] && state=$(sed -n 's/^TracerPid:\t0$/free/p; s/^TracerPid:\t[1-9].*/held/p' /proc/$CRTOOLS_INIT_PID/status)
        echo "$CRTOOLS_SCRIPT_ACTION $CRTOOLS_INIT_PID $images $state" >> stages
        [ "$CRTOOLS_SCRIPT_ACTION" != "$(cat fail)" ]
        """;

    [Fact]
    public void RunAtEachStage()
    {
        Target target = Start(new Workload("counter"));
        string script = Write(target, fail: "nowhere");
        Assert.Equal(0, Criu(target, "dump", "-t", $"{target.Pid}", "--action-script", script));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.Equal([$"pre-dump {target.Pid} none free", $"post-dump {target.Pid} whole held"], Stages(target));

        Assert.Equal(0, Criu(target, "restore", "-d", "--action-script", script));
        Assert.Equal(["pre-restore  whole gone", $"post-restore {target.Pid} whole held", $"pre-resume {target.Pid} whole held", $"post-resume {target.Pid} whole free"], Stages(target));
        target.GoesOn();
        target.Finish();
    }

    [Theory]
    [InlineData("pre-dump")]
    [InlineData("post-dump")]
    public void OneThatFailsStopsADump(string stage)
    {
        Target target = Start(new Workload("counter"));
        string script = Write(target, stage);
        ProcessPicture before = target.Picture();
        Assert.Equal(1, Criu(target, "dump", "-t", $"{target.Pid}", "--action-script", script));
        Assert.StartsWith(stage, Stages(target)[^1]);
        Assert.Contains($"The action script {script} exited with 1 at the stage {stage}", Log(target));
        Assert.False(File.Exists(Path.Combine(target.Images, "inventory.img")));
        target.SurvivedAFailedDump(before);
    }

    [Theory]
    [InlineData("pre-restore", 1)]
    [InlineData("post-restore", 1)]
    [InlineData("pre-resume", 0)]
    [InlineData("post-resume", 0)]
    public void OneThatFailsStopsARestoreUntilTheTreeGoesOn(string stage, int status)
    {
        Target target = Start(new Workload("counter"));
        string script = Write(target, stage);
        Assert.Equal(0, Criu(target, "dump", "-t", $"{target.Pid}"));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.Equal(status, Criu(target, "restore", "-d", "--action-script", script));
        Assert.Contains($"The action script {script} exited with 1 at the stage {stage}", Log(target));
        if (status != 0)
        {
            Assert.False(Directory.Exists($"/proc/{target.Pid}"));
            return;
        }
        target.GoesOn();
        target.Finish();
    }

    [Fact]
    public void OneThatCannotBeStartedIsNamed()
    {
        Target target = Start(new Workload("counter"));
        ProcessPicture before = target.Picture();
        Assert.Equal(1, Criu(target, "dump", "-t", $"{target.Pid}", "--action-script", "/nowhere/script"));
        Assert.Contains("/nowhere/script cannot be started: ENOENT", Log(target));
        target.SurvivedAFailedDump(before);
    }

    /// <summary>The command has criu's pid, and the tree for its child.</summary>
    [Fact]
    public void CriuBecomesACommand()
    {
        Target target = Start(new Workload("counter"));
        Assert.Equal(0, Criu(target, "dump", "-t", $"{target.Pid}"));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        string told = Path.Combine(target.Folder, "told");
        int criu = Child.Start([.. Binary, "restore", "-D", target.Images, "--exec-cmd", "--", "sh", "-c",
            $"echo $$ $(sed -n 's/^PPid:\t//p' /proc/{target.Pid}/status) > {told}; exit 5"]);
        Assert.Equal(5, Child.Wait(criu, TimeSpan.FromSeconds(20)));
        Assert.Equal($"{criu} {criu}\n", File.ReadAllText(told));
        target.GoesOn();
        target.Finish();
    }

    private static IReadOnlyList<string> Binary => Engine.Native.Command;

    private static int? Criu(Target target, params string[] arguments) =>
        Child.Wait(Child.Start([.. Binary, .. arguments, "-D", target.Images, "-W", target.Folder, "-v4", "-o", "criu.log"]), TimeSpan.FromSeconds(30));

    private static string Write(Target target, string fail)
    {
        string path = Path.Combine(target.Folder, "script.sh");
        File.WriteAllText(path, Script);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.WriteAllText(Path.Combine(target.Folder, "fail"), fail);
        return path;
    }

    /// <summary>What the scripts have said since they were asked last.</summary>
    private static string[] Stages(Target target)
    {
        string path = Path.Combine(target.Folder, "stages");
        string[] stages = File.ReadAllLines(path);
        File.Delete(path);
        return stages;
    }

    private static string Log(Target target) => File.ReadAllText(Path.Combine(target.Folder, "criu.log"));
}
