using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Microsoft.Win32.SafeHandles;

namespace Criu.Rpc.Tests;

/// <summary>A terminal whose master is the client's: it is made again, and its new master comes with the notification orphan-pts-master.</summary>
public sealed class TerminalTests : EndToEndTest
{
    private const string Stage = "orphan-pts-master";

    public static TheoryData<string, string> Engines => Engine.Reference == null ? new() { { "ours", "ours" } }
        : new() { { "ours", "ours" }, { "ours", "reference" }, { "reference", "ours" }, { "reference", "reference" } };

    [Fact]
    public void TheMasterComesWithItsNotification()
    {
        var (target, name) = DumpShell();
        List<string> stages = [];
        using TerminalMaster master = RestoreBy(target, stages, out CriuResp answer)!;
        Assert.True(answer.Success, answer.CrErrmsg);
        Assert.Equal(["pre-restore", Stage, "post-restore", "pre-resume", "post-resume"], stages);
        Assert.Equal(name, master.Name);
        GoesOn(target, master);
    }

    [Fact]
    public void ItsNumberIsAnotherWhereTheOldOneIsTaken()
    {
        var (target, name) = DumpShell();
        List<TerminalMaster> taken = [];
        do
            taken.Add(TerminalMaster.Open());
        while (taken[^1].Name != name);
        using TerminalMaster master = RestoreBy(target, [], out CriuResp answer)!;
        Assert.True(answer.Success, answer.CrErrmsg);
        Assert.NotEqual(name, master.Name);
        Assert.Contains($"{name} is {master.Name} now", File.ReadAllText(Path.Combine(target.Images, "criu.log")), StringComparison.Ordinal);
        GoesOn(target, master);
        taken.ForEach(t => t.Dispose());
    }

    [Fact]
    public void ANoStopsTheRestore()
    {
        var (target, _) = DumpShell();
        Assert.Null(RestoreBy(target, [], out CriuResp answer, takes: false));
        Assert.False(answer.Success);
        Assert.Contains($"The client said no to {Stage}", answer.CrErrmsg);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(5));
        Assert.False(Directory.Exists($"/proc/{target.Pid}"));
    }

    [Fact]
    public void WhoDoesNotListenIsToldSo()
    {
        var (target, _) = DumpShell();
        CriuReq request = Restore(target);
        request.Opts.NotifyScripts = false;
        CriuResp answer = Client.Ask(request);
        Assert.False(answer.Success);
        Assert.Contains("nobody takes the new one", answer.CrErrmsg);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void WithoutTheOptionTheTerminalIsRefusedByName()
    {
        using TerminalMaster outside = TerminalMaster.Open();
        Target target = Start(Shell(outside));
        ProcessPicture before = target.Picture();
        CriuReq request = Dump(target);
        request.Opts.OrphanPtsMaster = false;
        CriuResp answer = Client.Ask(request);
        Assert.False(answer.Success);
        Assert.Contains($"({outside.Name}) of pid {target.Pid}", answer.CrErrmsg);
        Assert.Contains("is a terminal of somebody outside the tree", answer.CrErrmsg);
        target.SurvivedAFailedDump(before);
    }

    private sealed class Taking : ICheckpointListener, IDisposable
    {
        public TerminalMaster? Master { get; private set; }

        public void Reached(CheckpointStage stage, int? rootPid) => Assert.NotEqual(CheckpointStage.OrphanPtsMaster, stage);

        public bool TakeMaster(SafeFileHandle master)
        {
            Master = TerminalMaster.CopyOf(master);
            return true;
        }

        public void Dispose() => Master?.Dispose();
    }

    /// <summary>The client of the library, with every combination of engines.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void TheListenerOfAClientTakesIt(string dumper, string restorer)
    {
        TerminalMaster outside = TerminalMaster.Open();
        Target target = Start(Shell(outside, twice: (dumper, restorer) == ("ours", "ours")));
        ProcessPicture before = target.Picture();
        CommonOptions common = new() { ImagesDir = target.Images, LogFile = "client.log", Tree = target.Pid };
        using (CriuClient client = ClientOf(dumper))
            client.Dump(common, new DumpOptions { OrphanPtsMaster = true }, cancel: TestContext.Current.CancellationToken);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        outside.Dispose();
        using Taking listener = new();
        using (CriuClient client = ClientOf(restorer))
            client.Restore(common with { Tree = null }, new RestoreOptions { OrphanPtsMaster = true }, listener, TestContext.Current.CancellationToken);
        target.LooksLike(before);
        GoesOn(target, listener.Master!);
    }

    [Fact]
    public void AListenerThatDoesNotTakeItStopsTheRestore()
    {
        var (target, _) = DumpShell();
        using CriuClient client = ClientOf("ours");
        CheckpointException refused = Assert.Throws<CheckpointException>(() =>
            client.Restore(new CommonOptions { ImagesDir = target.Images, LogFile = "client.log" }, new RestoreOptions { OrphanPtsMaster = true }, new Deaf(), TestContext.Current.CancellationToken));
        Assert.Contains("does not take the new one", refused.Message);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(5));
    }

    private sealed class Deaf : ICheckpointListener
    {
        public void Reached(CheckpointStage stage, int? rootPid)
        {
        }
    }

    private static CriuClient ClientOf(string engine) => CriuClient.OfProgram(engine == "reference" ? Engine.Reference!.Command : Programs.Criu);

    /// <summary>CRIU gives a terminal that was opened twice to no session.</summary>
    private static Workload Shell(TerminalMaster outside, bool twice = true) => new($"terminals outside {outside.Name}{(twice ? " twice" : "")}");

    /// <summary>A shell of sorts that was dumped, and the name of its terminal, which is gone.</summary>
    private (Target Target, string Name) DumpShell()
    {
        using TerminalMaster outside = TerminalMaster.Open();
        Target target = Start(Shell(outside));
        Assert.Equal("you said: hello\r\n", outside.Ask("hello", 17));
        CriuResp answer = Client.Ask(Dump(target));
        Assert.True(answer.Success, answer.CrErrmsg);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        return (target, outside.Name);
    }

    private static void GoesOn(Target target, TerminalMaster master)
    {
        target.IsUntouched();
        Assert.Equal("you said: and now\r\n", master.Ask("and now", 19));
        target.GoesOn();
        target.Finish();
    }

    private static TerminalMaster? RestoreBy(Target target, List<string> stages, out CriuResp answer, bool takes = true)
    {
        TerminalMaster? master = null;
        using Client client = Client.OfSwrk();
        client.Send(Restore(target));
        while ((answer = client.Receive(out SafeFileHandle? passed)!) is { Type: CriuReqType.Notify, Success: true })
        {
            stages.Add(answer.Notify.Script);
            Assert.Equal(answer.Notify.Script == Stage, passed != null);
            bool no = passed != null && !takes;
            if (passed != null && takes)
                master = TerminalMaster.CopyOf(passed);
            passed?.Dispose();
            client.Send(new CriuReq { Type = CriuReqType.Notify, NotifySuccess = !no });
        }
        return master;
    }

    private static CriuReq Dump(Target target) => new()
    {
        Type = CriuReqType.Dump, Opts = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(target.Images), Pid = target.Pid, OrphanPtsMaster = true, LogLevel = 4 },
    };

    private static CriuReq Restore(Target target) => new()
    {
        Type = CriuReqType.Restore,
        Opts = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(target.Images), NotifyScripts = true, RstSibling = true, OrphanPtsMaster = true, LogLevel = 4 },
    };
}
