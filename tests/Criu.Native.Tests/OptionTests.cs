using Criu.Core.Rpc.Proto;
using Criu.Native.Tests.Harness;

namespace Criu.Native.Tests;

public sealed class OptionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EveryOptionArrives(bool isLocal)
    {
        using var service = new FakeService(new CriuResp { Type = CriuReqType.Restore, Success = true, Restore = new CriuRestoreResp { Pid = 9 } });
        Assert.Equal(["restore = 9"], service.Call(isLocal, "options", "restore"));
        var opts = Assert.Single(service.Requests).Opts;
        Assert.Equal(File.ReadAllText(Path.Combine(Programs.Folder, isLocal ? "options-local.json" : "options.json")).Trim(), opts.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheLastValueCounts(bool isLocal)
    {
        using var service = new FakeService(new CriuResp { Type = CriuReqType.SinglePreDump, Success = true });
        service.Call(isLocal, "off", "predump");
        Assert.Equal("""{ "imagesDirFd": -1, "leaveRunning": false, "logLevel": -1 }""", Assert.Single(service.Requests).Opts.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatCannotBeTakenIsRefused(bool isLocal)
    {
        using var service = new FakeService();
        Assert.Equal(
            ["set_pre_dump_mode = -1, errno 0", "set_network_lock = -1, errno 0", "join_ns_add = -1, errno 0", "join_ns_add = -1, errno 0", "set_log_file = -22, errno 0",
                "add_ext_mount = -22, errno 0", "feature_check = -1, errno 0", "feature_check = -1, errno 0"],
            service.Call(isLocal, "wrong"));
        Assert.Empty(service.Requests);
    }
}
