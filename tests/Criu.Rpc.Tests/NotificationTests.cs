using System.Collections.Concurrent;
using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Images;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary>Stages that the client is told of, and what becomes of its answers.</summary>
public sealed class NotificationTests : EndToEndTest
{
    [Fact]
    public void TellsOfEachStageAndGoesOnAtAYes()
    {
        Target target = Start(new Workload("counter"));
        var (stages, dumped) = Converse(Dump(target), _ => true);
        Assert.True(dumped!.Success, dumped.CrErrmsg);
        Assert.Equal(["pre-dump", "post-dump"], stages.Select(stage => stage.Script));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));

        (stages, CriuResp? restored) = Converse(Restore(target), _ => true);
        Assert.True(restored!.Success, restored.CrErrmsg);
        Assert.Equal(["pre-restore", "post-restore", "pre-resume", "post-resume"], stages.Select(stage => stage.Script));
        Assert.Equal(target.Pid, stages[1].Pid);
        Assert.All(stages.Where((_, i) => i != 1), stage => Assert.False(stage.HasPid));
        target.GoesOn();
        target.Finish();
    }

    [Theory]
    [InlineData("pre-dump")]
    [InlineData("post-dump")]
    public void ANoStopsADump(string at)
    {
        Target target = Start(new Workload("counter"));
        ProcessPicture before = target.Picture();
        var (stages, answer) = Converse(Dump(target), stage => stage.Script != at);
        Assert.Equal((CriuReqType.Dump, false), (answer!.Type, answer.Success));
        Assert.Equal(at, stages[^1].Script);
        Assert.Contains($"The client said no to {at}", answer.CrErrmsg);
        target.SurvivedAFailedDump(before);
    }

    [Theory]
    [InlineData("pre-restore")]
    [InlineData("post-restore")]
    public void ANoStopsARestore(string at)
    {
        Target target = Start(new Workload("counter"));
        Assert.True(Converse(Dump(target), _ => true).Answer!.Success);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        CriuResp answer = Converse(Restore(target), stage => stage.Script != at).Answer!;
        Assert.False(answer.Success);
        Assert.Contains($"The client said no to {at}", answer.CrErrmsg);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(5));                // what was made was our child
        Assert.False(Directory.Exists($"/proc/{target.Pid}"));
    }

    [Theory]
    [InlineData("pre-resume")]
    [InlineData("post-resume")]
    public void ANoIsTooLateForATreeThatGoesOn(string at)
    {
        Target target = Start(new Workload("counter"));
        Assert.True(Converse(Dump(target), _ => true).Answer!.Success);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.True(Converse(Restore(target), stage => stage.Script != at).Answer!.Success);
        Assert.Contains($"The client said no to {at}", File.ReadAllText(Path.Combine(target.Images, "criu.log")));
        target.GoesOn();
        target.Finish();
    }

    /// <summary>A client that goes away, or says something else, instead of answering.</summary>
    [Theory]
    [InlineData("pre-dump", true)]
    [InlineData("post-dump", true)]
    [InlineData("post-dump", false)]
    public void AClientThatDoesNotAnswerHarmsNobody(string at, bool goes)
    {
        Target target = Start(new Workload("counter"));
        ProcessPicture before = target.Picture();
        using Service service = new();
        using (Client client = service.Connect())
        {
            client.Send(Dump(target));
            while (client.Receive()!.Notify.Script != at)
                client.Send(new CriuReq { Type = CriuReqType.Notify, NotifySuccess = true });
            if (!goes)
            {
                client.Send(new CriuReq { Type = CriuReqType.Version });
                Assert.Contains("with a request of type VERSION", client.Receive()!.CrErrmsg);
            }
        }
        Assert.True(Child.Until(() => service.Workers.Count == 0), "workers stay");
        target.SurvivedAFailedDump(before);
    }

    /// <summary>A stranger who is told, reads it, and says nothing. The server is in this process, with less patience than it has for others.</summary>
    [Theory]
    [InlineData("pre-dump")]
    [InlineData("post-dump")]
    public async Task AStrangerWhoNeverAnswersIsGivenUp(string at)
    {
        Target target = Start(new Workload("counter"));
        ProcessPicture before = target.Picture();
        var (client, end) = Client.Pair();
        using Client stranger = client;
        var host = new DumpingHost();
        Task<bool> served = Task.Run(() => RpcServer.Serve(end, host, isService: true, patienceSeconds: 2), TestContext.Current.CancellationToken);
        stranger.Send(Dump(target));
        while (stranger.Receive()!.Notify.Script != at)
            stranger.Send(new CriuReq { Type = CriuReqType.Notify, NotifySuccess = true });
        CriuResp answer = stranger.Receive()!;
        Assert.Equal((CriuReqType.Dump, false), (answer.Type, answer.Success));
        string reason = $"The client, process {Environment.ProcessId}, cannot be asked about {at}: it has not answered for 2 seconds";
        Assert.Contains(reason, answer.CrErrmsg);
        Assert.Contains(host.Complaints, complaint => complaint.Contains(reason, StringComparison.Ordinal));
        Assert.Null(stranger.Receive());
        Assert.False(await served);
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    /// <summary>Dumps, and does nothing else.</summary>
    private sealed class DumpingHost : RpcHost
    {
        public ConcurrentQueue<string> Complaints { get; } = [];

        public override void Dump(MergedOptions options, ICheckpointListener? listener)
        {
            using var images = ImageDirectory.Create(options.Common.ImagesDir);
            Checkpoint.Dump(options.Common.Tree!.Value, images, options.Dump, listener: listener);
        }

        public override int Restore(MergedOptions options, ICheckpointListener? listener) => throw new NotSupportedException();

        public override void Check(MergedOptions options) => throw new NotSupportedException();

        public override void Cpuinfo(MergedOptions options, bool isDump) => throw new NotSupportedException();

        public override string Describe(Exception exception) => exception.Message;

        public override void Complain(string message) => Complaints.Enqueue(message);
    }

    private static (List<CriuNotify> Stages, CriuResp? Answer) Converse(CriuReq request, Func<CriuNotify, bool> answer)
    {
        var stages = new List<CriuNotify>();
        using Client client = Client.OfSwrk();
        client.Send(request);
        CriuResp? response;
        while ((response = client.Receive()) is { Type: CriuReqType.Notify, Success: true })
        {
            stages.Add(response.Notify);
            client.Send(new CriuReq { Type = CriuReqType.Notify, NotifySuccess = answer(response.Notify) });
        }
        return (stages, response);
    }

    private static CriuReq Dump(Target target) => new()
    {
        Type = CriuReqType.Dump, Opts = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(target.Images), Pid = target.Pid, NotifyScripts = true, LogLevel = 4 },
    };

    private static CriuReq Restore(Target target) => new()
    {
        Type = CriuReqType.Restore, Opts = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(target.Images), NotifyScripts = true, RstSibling = true, LogLevel = 4 },
    };
}
