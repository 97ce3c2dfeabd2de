using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary><see cref="CriuClient"/> with a criu of its own, with a service and, where there is one, with CRIU itself.</summary>
public sealed class ClientTests : EndToEndTest
{
    public static TheoryData<string> Servers => Engine.Reference == null ? ["swrk", "service"] : ["swrk", "service", "reference"];

    private sealed class Stages(Action<CheckpointStage>? act = null) : ICheckpointListener
    {
        public List<(CheckpointStage Stage, int? Root)> Reached { get; } = [];

        void ICheckpointListener.Reached(CheckpointStage stage, int? rootPid)
        {
            Reached.Add((stage, rootPid));
            act?.Invoke(stage);
        }
    }

    private static CancellationToken Never => TestContext.Current.CancellationToken;

    private Service? _service;

    private CriuClient New(string server) => server switch
    {
        "swrk" => CriuClient.OfProgram(Programs.Criu),
        "reference" => CriuClient.OfProgram(Engine.Reference!.Command),
        _ => CriuClient.OfService((_service ??= new Service()).Socket),
    };

    private void EndService() => _service?.Dispose();

    [Theory, MemberData(nameof(Servers))]
    public async Task TellsItsVersionItsFeaturesAndWhetherTheSystemWillDo(string server)
    {
        using CriuClient client = New(server);
        CriuRelease version = await client.VersionAsync(Never);
        Assert.True(version is { Major: 4, Minor: >= 2 }, version.ToString());
        Assert.NotNull(await client.FeatureCheckAsync(Never));
        if (server != "reference")
            await client.CheckAsync(cancel: Never);
        EndService();
    }

    [Theory, MemberData(nameof(Servers))]
    public async Task DumpsAndRestoresAndTellsTheStages(string server)
    {
        Target target = Start(new Workload("counter"));
        ProcessPicture before = target.Picture();
        using CriuClient client = New(server);
        CommonOptions common = new() { ImagesDir = target.Images, WorkDir = target.Folder, LogFile = "client.log", Verbosity = 4, Tree = target.Pid };
        Stages dumping = new(), restoring = new();

        Assert.False((await client.DumpAsync(common, new DumpOptions(), dumping, Never)).IsRestored);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.True(File.Exists(Path.Combine(target.Folder, "client.log")));
        Assert.Equal(CheckpointStage.PreDump, dumping.Reached[0].Stage);
        Assert.Contains(dumping.Reached, stage => stage.Stage == CheckpointStage.PostDump);

        RestoreReply restored = await client.RestoreAsync(common with { Tree = null }, new RestoreOptions(), restoring, Never);
        Assert.Equal(target.Pid, restored.RootPid);
        Assert.Equal(CheckpointStage.PreRestore, restoring.Reached[0].Stage);
        Assert.Contains((CheckpointStage.PostRestore, (int?)target.Pid), restoring.Reached);
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
        EndService();
    }

    [Theory, MemberData(nameof(Servers))]
    public void WhatAListenerThrowsStopsTheDumpAndIsThrown(string server)
    {
        Target target = Start(new Workload("counter"));
        using CriuClient client = New(server);
        CommonOptions common = new() { ImagesDir = target.Images, LogFile = "client.log", Tree = target.Pid };
        Stages refusing = new(stage => throw new InvalidDataException($"not at {stage}"));
        Assert.Equal("not at PreDump", Assert.Throws<InvalidDataException>(() => client.Dump(common, new DumpOptions(), refusing, Never)).Message);
        target.IsUntouched();
        target.GoesOn();
        target.Finish();
        EndService();
    }

    [Theory, InlineData("swrk"), InlineData("service")]
    public void TellsCauseAndCure(string server)
    {
        Target target = Start(new Workload("unsupported"));
        using CriuClient client = New(server);
        CommonOptions common = new() { ImagesDir = target.Images, LogFile = "client.log", Tree = target.Pid };
        CheckpointException refused = Assert.Throws<CheckpointException>(() => client.Dump(common, new DumpOptions(), cancel: Never));
        Assert.Matches($@"pid {target.Pid} .*descriptor 77 .*not supported yet", refused.Message);
        CheckpointException missing = Assert.Throws<CheckpointException>(() => client.Dump(common with { Tree = 4_000_000 }, new DumpOptions(), cancel: Never));
        Assert.Equal((Errno.ESRCH, true), (missing.ErrorNumber, missing.Message.Contains("4000000", StringComparison.Ordinal)));
        target.Finish();
        EndService();
    }

    [Fact]
    public void NamesWhatItCannotReachOrSend()
    {
        using CriuClient nowhere = CriuClient.OfService("/nonexistent/socket"), noProgram = CriuClient.OfProgram("/nonexistent/criu"), noCriu = CriuClient.OfProgram("false");
        Assert.Matches("/nonexistent/socket.*ENOENT.*criu service", Assert.Throws<CheckpointException>(() => nowhere.Version(Never)).Message);
        Assert.Matches("/nonexistent/criu.*ENOENT", Assert.Throws<CheckpointException>(() => noProgram.Version(Never)).Message);
        Assert.Matches("without an answer.*exited with 1", Assert.Throws<CheckpointException>(() => noCriu.Version(Never)).Message);
        RestoreOptions inherits = new() { InheritFds = [new InheritedDescriptor(5, "tmp/x")] };
        Assert.Contains("OfProgram", Assert.Throws<CheckpointException>(() => nowhere.Restore(new CommonOptions { ImagesDir = "/tmp" }, inherits, cancel: Never)).Message);
        CommonOptions missing = new() { ImagesDir = "/nonexistent", Tree = 1 };
        Assert.Matches("/nonexistent.*ENOENT", Assert.Throws<CheckpointException>(() => noCriu.Dump(missing, new DumpOptions(), cancel: Never)).Message);
    }

    /// <summary>The criu that was started is ended; its guard leaves the target as it was.</summary>
    [Fact]
    public async Task IsCancelledWhileCriuWorks()
    {
        Target target = Start(new Workload("counter"));
        ProcessPicture before = target.Picture();
        using CriuClient client = New("swrk");
        using CancellationTokenSource cancel = new();
        CommonOptions common = new() { ImagesDir = target.Images, LogFile = "client.log", Tree = target.Pid };
        // Between a notification and its answer criu waits; the request is cancelled there, at its latest point.
        Stages cancelling = new(stage =>
        {
            if (stage == CheckpointStage.PostDump)
                cancel.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.DumpAsync(common, new DumpOptions(), cancelling, cancel.Token));
        Assert.DoesNotContain(Proc.Descendants(), pid => Proc.Text($"/proc/{pid}/cmdline").Contains("swrk", StringComparison.Ordinal));
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    [Fact]
    public async Task ACancellationEndsTheWaitForAServerThatSaysNothing()
    {
        using CriuClient client = CriuClient.OfProgram("sh", "-c", "sleep 60", "sh");
        using CancellationTokenSource cancel = new();
        Task<CriuRelease> asked = client.VersionAsync(cancel.Token);
        Assert.True(Child.Until(() => Proc.Descendants().Any(pid => Proc.Text($"/proc/{pid}/comm") is "sleep\n" or "sh\n")));
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        Leaks.EndDescendants();
    }

    [Fact]
    public void AGivenSocketServesOneRequest()
    {
        var (ours, theirs) = Pair();
        int server = Child.Start([.. Programs.Criu, "swrk", $"{theirs}"]);
        Kernel.Call(Nr.close, theirs);
        using CriuClient client = CriuClient.OfSocket(Kernel.Own(ours));
        Assert.Equal(4, client.Version(Never).Major);
        Assert.Contains("another client", Assert.Throws<CheckpointException>(() => client.Version(Never)).Message);
        Assert.Equal(0, Child.Wait(server, TimeSpan.FromSeconds(20)));
    }

    /// <summary>A parent that only wants to know whether its files of options are sound, as CRIU's own test does, asks nothing and looks at the status.</summary>
    [Theory, InlineData("no such option", 1), InlineData("shell-job", 0)]
    public void AServerThatIsAskedNothingTellsByItsEndWhetherItsFilesAreSound(string line, int status)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, line + '\n');
            var (ours, theirs) = Pair();
            int server = Child.Start([.. Programs.Criu, "swrk", "--config", file, $"{theirs}"]);
            Kernel.Call(Nr.close, theirs);
            Kernel.Call(Nr.close, ours);
            Assert.Equal(status, Child.Wait(server, TimeSpan.FromSeconds(20)));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static unsafe (int Ours, int Theirs) Pair()
    {
        int* ends = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0, (long)ends));
        int theirs = (int)Kernel.Call(Nr.fcntl, ends[1], Fcntl.F_DUPFD, 100);
        Kernel.Call(Nr.close, ends[1]);
        return (ends[0], theirs);
    }

    [Fact]
    public void HandsDescriptorsToARestore()
    {
        Target target = Start(new Workload("counter"));
        using CriuClient client = New("swrk");
        CommonOptions common = new() { ImagesDir = target.Images, LogFile = "client.log", Tree = target.Pid };
        client.Dump(common, new DumpOptions(), cancel: Never);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        string other = Path.Combine(target.Folder, "other");
        using (FileStream into = new(other, FileMode.Create))
        {
            InheritedDescriptor log = new((int)into.SafeFileHandle.DangerousGetHandle(), target.LogFile.TrimStart('/'));
            client.Restore(common with { Tree = null }, new RestoreOptions { InheritFds = [log] }, cancel: Never);
        }
        target.Holds(Child.Until(() => Proc.Text(other).Contains("count", StringComparison.Ordinal)), "does not write to the inherited file");
    }
}
