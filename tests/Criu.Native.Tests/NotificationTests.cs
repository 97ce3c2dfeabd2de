using Criu.Core.Rpc.Proto;
using Criu.Native.Tests.Harness;
using Google.Protobuf;

namespace Criu.Native.Tests;

public sealed class NotificationTests
{
    private static readonly CriuResp Dumped = new() { Type = CriuReqType.Dump, Success = true, Dump = new CriuDumpResp() };

    private static CriuResp Notification(string action, int? pid = null)
    {
        var notify = new CriuNotify { Script = action };
        if (pid is { } known)
            notify.Pid = known;
        return new CriuResp { Type = CriuReqType.Notify, Success = true, Notify = notify };
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EachStageIsToldAndAnswered(bool isLocal)
    {
        using var service = new FakeService(Notification("pre-dump"), Notification("post-dump", 12), Dumped);
        Assert.Equal(["pre-dump pid 0", "post-dump pid 12", "dump = 0"], service.Call(isLocal, "notify", "dump"));
        Assert.True(service.Requests[0].Opts.NotifyScripts);
        Assert.All(service.Requests.Skip(1), reply => Assert.Equal("""{ "type": "NOTIFY", "notifySuccess": true }""", reply.ToString()));
        Assert.Equal(3, service.Requests.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ANoEndsTheRequest(bool isLocal)
    {
        using var service = new FakeService(Notification("pre-dump"), Notification("network-lock"), Dumped);
        Assert.Equal(["pre-dump pid 0", "network-lock pid 0", "dump = -7, errno 0"], service.Call(isLocal, "notify", "no=network-lock", "dump"));
        Assert.True(Child(() => service.Requests.Count == 3));
        Assert.False(service.Requests[2].NotifySuccess);
    }

    [Fact]
    public void TheMasterOfATerminalIsPassedOn()
    {
        using var service = new FakeService(Notification("post-setup-namespaces"), new Said(Notification("orphan-pts-master").ToByteArray(), HasDescriptor: true), Notification("post-restore", 3), Dumped);
        Assert.Equal(["post-setup-namespaces pid 0", "orphan-pts-master pid 0, terminal", "post-restore pid 3, terminal", "dump = 0"], service.Call(false, "notify", "dump"));
    }

    [Fact]
    public void WhoDidNotAskIsNotTold()
    {
        using var service = new FakeService(Notification("pre-dump"), Dumped);
        Assert.Equal(["dump = 0"], service.Call(false, "dump"));
        Assert.True(service.Requests[1].NotifySuccess);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IterationsGoOnAsLongAsMoreAreWanted(bool isLocal)
    {
        var once = new CriuResp { Type = CriuReqType.PreDump, Success = true };
        using var service = new FakeService(once, once, once, Dumped);
        Assert.Equal(["more", "more", "more", "dump_iters = 0"], service.Call(isLocal, "pid=5", "rounds=3", "iterations"));
        Assert.Equal([CriuReqType.PreDump, CriuReqType.PreDump, CriuReqType.PreDump, CriuReqType.Dump], service.Requests.Select(request => request.Type));
    }

    [Fact]
    public void IterationsEndEarly()
    {
        var once = new CriuResp { Type = CriuReqType.PreDump, Success = true };
        using var stopped = new FakeService(once);
        Assert.Equal(["more", "dump_iters = -5, errno 0"], stopped.Call(false, "pid=5", "rounds=-5", "iterations"));
        using var failing = new FakeService(once, new CriuResp { Type = CriuReqType.PreDump, Success = false, CrErrno = 95 });
        Assert.Equal(["more", "dump_iters = -52, errno 95"], failing.Call(false, "pid=5", "rounds=9", "iterations"));
        using var unnamed = new FakeService();
        Assert.Equal(["dump_iters = -22, errno 0"], unnamed.Call(false, "iterations"));
        Assert.Empty(unnamed.Requests);
    }

    [Fact]
    public void APreDumpIsASingleOne()
    {
        using var service = new FakeService(new CriuResp { Type = CriuReqType.SinglePreDump, Success = true });
        Assert.Equal(["pre_dump = 0"], service.Call(false, "predump"));
        Assert.Equal(CriuReqType.SinglePreDump, Assert.Single(service.Requests).Type);
    }

    private static bool Child(Func<bool> holds) => EndToEnd.Tests.Harness.Child.Until(holds);
}
