using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary>Requests that touch no process, and those that are refused.</summary>
public sealed class RequestTests
{
    [Fact]
    public void TellsTheVersion()
    {
        CriuResp answer = Client.Ask(new CriuReq { Type = CriuReqType.Version });
        Assert.True(answer.Success);
        Assert.Equal((CriuReqType.Version, 4, 2), (answer.Type, answer.Version.MajorNumber, answer.Version.MinorNumber));
    }

    [Fact]
    public void StaysForAnotherRequestIfAsked()
    {
        using Client client = Client.OfSwrk();
        for (int i = 0; i < 3; i++)
        {
            client.Send(new CriuReq { Type = CriuReqType.Version, KeepOpen = i < 2 });
            Assert.True(client.Receive()!.Success);
        }
        Assert.Null(client.Receive());
        Assert.Equal(0, client.Status);
    }

    [Fact]
    public void TellsWhichFeaturesItHas()
    {
        CriuResp answer = Client.Ask(new CriuReq { Type = CriuReqType.FeatureCheck, Features = new CriuFeatures { MemTrack = true, LazyPages = true } });
        Assert.True(answer.Success);
        Assert.True(answer.Features.HasMemTrack && answer.Features.HasLazyPages);
        Assert.False(answer.Features.MemTrack || answer.Features.LazyPages || answer.Features.HasPidfdStore);
    }

    [Fact]
    public void ChecksTheSystem()
    {
        CriuResp answer = Client.Ask(new CriuReq { Type = CriuReqType.Check });
        Assert.True(answer.Success, answer.CrErrmsg);
        Assert.Equal(CriuReqType.Check, answer.Type);
    }

    /// <summary>Files of options are read with a request that has options: a question never fails for what is in them, and who asks for more reads what is wrong.</summary>
    [Fact]
    public void ReadsFilesOfOptionsWithEachRequest()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "no such option\n");
            using Client client = Client.OfSwrk("--config", file);
            client.Send(new CriuReq { Type = CriuReqType.Version, KeepOpen = true });
            Assert.True(client.Receive()!.Success);
            client.Send(new CriuReq { Type = CriuReqType.Check });
            CriuResp answer = client.Receive()!;
            Assert.False(answer.Success);
            Assert.Contains($"{file}:1", answer.CrErrmsg, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(CriuReqType.PreDump, "PRE_DUMP")]
    [InlineData(CriuReqType.PageServer, "PAGE_SERVER")]
    [InlineData(CriuReqType.CpuinfoDump, "CPUINFO_DUMP", Errno.EBADRQC)]
    [InlineData(CriuReqType.CpuinfoCheck, "CPUINFO_CHECK", Errno.EBADRQC)]
    [InlineData(CriuReqType.WaitPid, "WAIT_PID", Errno.EBADRQC)]
    [InlineData(CriuReqType.PageServerChld, "PAGE_SERVER_CHLD")]
    [InlineData(CriuReqType.SinglePreDump, "SINGLE_PRE_DUMP")]
    [InlineData((CriuReqType)99, "number 99")]
    [InlineData(CriuReqType.Notify, "NOTIFY", Errno.EBADRQC)]
    [InlineData(CriuReqType.Empty, "EMPTY", Errno.EBADRQC)]
    internal void RefusesATypeByItsName(CriuReqType type, string name, int number = Errno.EOPNOTSUPP)
    {
        CriuResp answer = Client.Ask(new CriuReq { Type = type });
        Assert.False(answer.Success);
        Assert.Equal(type is (CriuReqType)99 or CriuReqType.Notify ? CriuReqType.Empty : type, answer.Type);
        Assert.Contains(name, answer.CrErrmsg);
        Assert.Equal(number, answer.CrErrno);
    }

    [Fact]
    public void RefusesAFieldByItsName()
    {
        Refuses(o => o.TrackMem = true, "--track-mem (track_mem: true)");
        Refuses(o => o.Ps = new CriuPageServerInfo { Port = 1 }, "--page-server (ps: true)");
        Refuses(o => o.ManageCgroupsMode = (CriuCgMode)9, "manage_cgroups_mode: 9");
        Refuses(o => o.PidfdStoreSk = 3, "pidfd_store_sk is not supported yet");
        Refuses(o => o.NetworkLock = (CriuNetworkLockMethod)9, "network_lock: 9");
        Refuses(o => o.LogLevel = -1, "log_level: -1");
        Refuses(o => o.LogFile = Google.Protobuf.ByteString.CopyFrom(0xff), "log_file is not UTF-8");
        Refuses(o => o.LogFile = Programs.Text("../log"), "log_file is not supported here: a path leads out of the work directory");
        Refuses(o => o.LogFile = Programs.Text("a\0b"), "log_file has a NUL");
        Refuses(o => o.ImagesDirFd = 9999, "images_dir_fd is 9999");
        Refuses(o => o.ImagesDir = Programs.Text(""), "images_dir");
        Refuses(o => o.ClearImagesDir(), "names no directory of images");
        Refuses(o => o.LeaveStopped = true, "exclude each other");
        Refuses(o => Google.Protobuf.MessageExtensions.MergeFrom(o, [0xc0, 0x02, 0x01]), "Field 40 of criu_opts is unknown");
    }

    [Fact]
    public void RefusesAProcessThatIsNotThere() =>
        Refuses(o => o.Pid = int.MaxValue, $"There is no process {int.MaxValue}", Errno.ESRCH);

    [Fact]
    public void RefusesToDumpItsParent() => Refuses(o => o.ClearPid(), $"the tree of pid {Environment.ProcessId} holds this criu", 0);

    [Fact]
    public void RefusesARequestWithoutOptions()
    {
        Assert.Contains("DUMP has no options", Client.Ask(new CriuReq { Type = CriuReqType.Dump }).CrErrmsg);
        Assert.Contains("RESTORE has no options", Client.Ask(new CriuReq { Type = CriuReqType.Restore }).CrErrmsg);
    }

    /// <summary>Each would dump a process that is not there, were the field taken.</summary>
    private static void Refuses(Action<CriuOpts> set, string message, int number = Errno.EBADRQC)
    {
        string folder = Places.NewFolder("rpc");
        try
        {
            var options = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(folder), Pid = Environment.ProcessId, LeaveRunning = true };
            set(options);
            CriuResp answer = Client.Ask(new CriuReq { Type = CriuReqType.Dump, Opts = options });
            Assert.False(answer.Success);
            Assert.Contains(message, answer.CrErrmsg);
            Assert.Equal(number, answer.CrErrno);
            Assert.Empty(Directory.GetFiles(folder, "*.img"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
