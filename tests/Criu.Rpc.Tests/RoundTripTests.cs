using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Rpc.Tests;

/// <summary>Workloads dumped and restored by requests.</summary>
public sealed class RoundTripTests : EndToEndTest
{
    [Theory]
    [InlineData("counter")]
    [InlineData("threads 16")]
    [InlineData("descriptors")]
    public void DumpsAndRestores(string command)
    {
        Target target = Start(new Workload(command) { Counters = command.StartsWith("threads", StringComparison.Ordinal) ? 16 : 1 });
        using SafeFileHandle images = Programs.OpenDirectory(target.Images), work = Programs.OpenDirectory(target.Folder);
        ProcessPicture before = target.Picture();

        CriuResp dumped = Client.Ask(Request(CriuReqType.Dump, images, work, target.Pid, "dump.log"));
        Assert.True(dumped.Success, dumped.CrErrmsg);
        Assert.Equal((CriuReqType.Dump, true, false), (dumped.Type, dumped.Dump.HasRestored, dumped.Dump.Restored));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.Contains("Dumping finished successfully", File.ReadAllText(Path.Combine(target.Folder, "dump.log")));
        Assert.True(File.Exists(Path.Combine(target.Folder, "stats-dump")));

        CriuResp restored = Client.Ask(Request(CriuReqType.Restore, images, work, pid: null, "restore.log"));
        Assert.True(restored.Success, restored.CrErrmsg);
        Assert.Equal((CriuReqType.Restore, target.Pid), (restored.Type, restored.Restore.Pid));
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    [Fact]
    public void LetsItRunOnAndRestoresItAsOurChild()
    {
        Target target = Start(new Workload("counter"));
        CriuReq request = new() { Type = CriuReqType.Dump, Opts = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(target.Images), Pid = target.Pid, LeaveRunning = true } };
        Assert.True(Client.Ask(request) is { Success: true });
        target.IsUntouched();
        target.GoesOn();
        Assert.True(File.Exists(Path.Combine(target.Images, "criu.log")));

        request.Type = CriuReqType.Restore;
        request.Opts.RstSibling = true;
        CriuResp taken = Client.Ask(request);
        Assert.False(taken.Success);
        Assert.Equal(Errno.EEXIST, taken.CrErrno);
        Assert.Contains($"pid {target.Pid} is taken", taken.CrErrmsg);
        target.GoesOn();

        request.Type = CriuReqType.Dump;
        request.Opts.LeaveRunning = false;
        Assert.True(Client.Ask(request) is { Success: true });
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        request.Type = CriuReqType.Restore;
        using Client client = Client.OfSwrk();
        client.Send(request);
        Assert.True(client.Receive() is { Success: true });
        Assert.Contains($"PPid:\t{Environment.ProcessId}\n", File.ReadAllText($"/proc/{target.Pid}/status"));
        Assert.Equal(0, client.Status);
        target.GoesOn();
        target.Finish();
    }

    [Fact]
    public void TellsWhyADumpFails()
    {
        Target target = Start(new Workload("unsupported"));
        ProcessPicture before = target.Picture();
        using SafeFileHandle images = Programs.OpenDirectory(target.Images), work = Programs.OpenDirectory(target.Folder);
        CriuResp answer = Client.Ask(Request(CriuReqType.Dump, images, work, target.Pid, "dump.log"));
        Assert.False(answer.Success);
        Assert.Equal(CriuReqType.Dump, answer.Type);
        Assert.Contains($"{target.Pid}", answer.CrErrmsg);
        Assert.Contains("Dumping FAILED", File.ReadAllText(Path.Combine(target.Folder, "dump.log")));
        target.SurvivedAFailedDump(before);
    }

    private static CriuReq Request(CriuReqType type, SafeFileHandle images, SafeFileHandle work, int? pid, string log)
    {
        CriuOpts options = new()
        {
            ImagesDirFd = images.Fd(), WorkDirFd = work.Fd(), LogFile = Programs.Text(log), LogLevel = 4, OrphanPtsMaster = true, EvasiveDevices = true,
            LazyPages = false, ExtUnixSk = false, AutoDedup = false, ConfigFile = Programs.Text("/nowhere/criu.conf"),
        };
        if (pid is int number)
            options.Pid = number;
        return new CriuReq { Type = type, Opts = options };
    }
}
