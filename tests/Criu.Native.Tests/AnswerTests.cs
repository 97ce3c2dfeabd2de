using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Native.Tests.Harness;

namespace Criu.Native.Tests;

/// <summary>What a function answers to what the server says, and to a server that says nothing.</summary>
public sealed class AnswerTests
{
    private const int Failed = -52, NoConnection = -111, NoTransport = -70, Unsupported = -22, Unexpected = -74;

    [Theory]
    [InlineData(nameof(CriuReqType.Check), "check", 3, "check = -52, errno 3")]
    [InlineData(nameof(CriuReqType.Dump), "dump", 56, "dump = -52, errno 56")]
    [InlineData(nameof(CriuReqType.Restore), "restore", 0, "restore = -52, errno 0")]
    [InlineData(nameof(CriuReqType.SinglePreDump), "predump", 95, "predump = -52, errno 95")]
    [InlineData(nameof(CriuReqType.Version), "version", 0, "version = -52, errno 0")]
    public void AFailureIsEbadeWithTheNumberThatCameWithIt(string kind, string word, int number, string expected)
    {
        var failure = new CriuResp { Type = Enum.Parse<CriuReqType>(kind), Success = false, CrErrmsg = "For people" };
        if (number != 0)
            failure.CrErrno = number;
        foreach (bool isLocal in (bool[])[false, true])
        {
            using var service = new FakeService(failure);
            Assert.Equal([expected.Replace("predump", "pre_dump").Replace("version", "get_version")], service.Call(isLocal, word));
        }
    }

    [Theory]
    [InlineData(nameof(CriuReqType.Empty), false, Unsupported)]
    [InlineData(nameof(CriuReqType.Dump), true, Unexpected)]
    [InlineData(nameof(CriuReqType.Dump), false, Unexpected)]
    public void AnAnswerToSomethingElseIsTold(string kind, bool succeeded, int expected)
    {
        using var service = new FakeService(new CriuResp { Type = Enum.Parse<CriuReqType>(kind), Success = succeeded });
        Assert.StartsWith($"check = {expected},", Assert.Single(service.Call(false, "check")));
    }

    [Fact]
    public void WhatIsNoAnswerIsEcomm()
    {
        foreach (byte[] garbage in (byte[][])[[0xff, 0xff], [0x08], [], [0x10, 0x01], [0x08, 0x03, 0x1a, 0x7f]])
        {
            using var service = new FakeService(new Said(garbage));
            Assert.StartsWith($"check = {NoTransport},", Assert.Single(service.Call(false, "check")));
        }
    }

    [Fact]
    public void AServerThatGoesIsEcomm()
    {
        using var service = new FakeService();
        Assert.Equal($"check = {NoTransport}, errno 104", Assert.Single(service.Call(false, "check")));
    }

    [Fact]
    public void WhereNobodyListensIsEconnrefused()
    {
        string folder = Places.NewFolder("nobody");
        Assert.Equal($"check = {NoConnection}, errno 2\n", Command.Demand(Programs.Of("calls"), $"address={folder}/none", "check"));
        Assert.Equal($"check = {NoConnection}, errno 36\n", Command.Demand(Programs.Of("calls"), $"address=/{new string('a', 200)}", "check"));
        Directory.Delete(folder);
    }

    [Fact]
    public void AProgramThatCannotBeStartedIsEcomm()
    {
        Assert.Equal($"check = {NoTransport}, errno 2\n", Command.Demand(Programs.Of("calls"), "binary=/nonexistent", "check"));
        Assert.Equal($"dump = {NoTransport}, errno 13\n", Command.Demand(Programs.Of("calls"), "binary=/etc/passwd", "dump"));
        Assert.StartsWith($"restore_child = {NoTransport},", Command.Demand(Programs.Of("calls"), "binary=/bin/true", "child"));
        Assert.Equal($"check = {NoTransport}, errno 9\n", Command.Demand(Programs.Of("calls"), "number=77", "check"));
    }

    [Theory]
    [InlineData(4, 2, 0, null, 40200)]
    [InlineData(3, 17, 1, null, 31701)]
    [InlineData(4, 2, 1, "v4.2-5-gabcdef", 40300)]
    public void AVersionIsOneNumber(int major, int minor, int sublevel, string? git, int expected)
    {
        var version = new CriuVersion { MajorNumber = major, MinorNumber = minor, Sublevel = sublevel };
        if (git != null)
            version.Gitid = git;
        var answer = new CriuResp { Type = CriuReqType.Version, Success = true, Version = version };
        using var service = new FakeService(answer, answer, answer);
        Assert.Equal([$"get_version = {expected}", "check_version = 1", "check_version = 0"], service.Call(false, "version", $"least={expected}", $"least={expected + 1}"));
    }

    [Fact]
    public void FeaturesAreAskedForAndTold()
    {
        using var service = new FakeService(new CriuResp { Type = CriuReqType.FeatureCheck, Success = true, Features = new CriuFeatures { MemTrack = true, LazyPages = true } });
        Assert.Equal(["feature_check = 0", "110"], service.Call(false, "features"));
        Assert.Equal("""{ "memTrack": true, "pidfdStore": true }""", Assert.Single(service.Requests).Features.ToString());
    }

    [Fact]
    public void ADumpTellsWhetherItIsTheRestoredOne()
    {
        using var service = new FakeService(
            new CriuResp { Type = CriuReqType.Dump, Success = true, Dump = new CriuDumpResp { Restored = true } }, new CriuResp { Type = CriuReqType.Dump, Success = true, Dump = new CriuDumpResp() });
        Assert.Equal(["dump = 1", "dump = 0"], service.Call(true, "dump", "dump"));
    }
}
