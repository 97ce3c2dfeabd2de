using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Images;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;
using CoreEntry = Criu.Images.Proto.CoreEntry;
using CredsEntry = Criu.Images.Proto.CredsEntry;

namespace Criu.Rpc.Tests;

/// <summary>An ordinary user before a root's service: their own process is theirs, and nothing else. Each refusal says why.</summary>
public sealed class StrangerTests : EndToEndTest
{
    [Theory]
    [InlineData("counter")]
    [InlineData("threads 16")]
    public void DumpsAndRestoresTheirOwn(string command)
    {
        Target own = Start(new Workload(command) { Counters = command == "counter" ? 1 : 16 }, asUser: true);
        using Service service = new();
        ProcessPicture before = own.Picture();
        CriuResp answer = Ask(service, CriuReqType.Dump, own);
        Assert.True(answer.Success, answer.CrErrmsg);
        Child.Wait(own.Pid, TimeSpan.FromSeconds(10));
        answer = Ask(service, CriuReqType.Restore, own);
        Assert.True(answer.Success, answer.CrErrmsg);
        own.IsUntouched();
        own.GoesOn();
        own.LooksLike(before);
        Assert.Contains("CapPrm:\t0000000000000000", Proc.Text($"/proc/{own.Pid}/status"));
        Assert.Contains("CapAmb:\t0000000000000000", Proc.Text($"/proc/{own.Pid}/status"));
        own.Finish();
    }

    [Fact]
    public void MayNotDumpAnothersProcess()
    {
        Target own = Start(new Workload("counter"), asUser: true), other = Start(new Workload("counter"));
        using Service service = new();
        ProcessPicture before = other.Picture();
        CriuResp answer = Ask(service, CriuReqType.Dump, own, opts => opts.Pid = other.Pid);
        Assert.False(answer.Success);
        Assert.Contains($"{other.Pid}", answer.CrErrmsg);
        Assert.Contains("EPERM", answer.CrErrmsg);
        other.SurvivedAFailedDump(before);
        own.Finish();
        other.Finish();
    }

    /// <summary>Images of their own process, in which a credential is another.</summary>
    [Theory]
    [InlineData("user", "the users 0, 0, 0 and 0")]
    [InlineData("groups", "the groups 1000, 1000, 1000, 1000; 0")]
    [InlineData("capabilities", "capabilities")]
    [InlineData("none", "no credentials of its own")]
    public void MayNotRestoreAnothersRights(string change, string reason)
    {
        Target own = Start(new Workload("counter"), asUser: true);
        using Service service = new();
        Assert.True(Ask(service, CriuReqType.Dump, own).Success);
        Child.Wait(own.Pid, TimeSpan.FromSeconds(10));
        Rewrite(own, change);
        CriuResp answer = Ask(service, CriuReqType.Restore, own);
        Assert.False(answer.Success);
        Assert.Contains(reason, answer.CrErrmsg);
        Assert.Contains("Let root restore them", answer.CrErrmsg);
        Assert.Equal(Errno.EPERM, answer.CrErrno);
        Assert.False(Directory.Exists($"/proc/{own.Pid}"));
    }

    [Fact]
    public void MayNotHaveProgramsRun()
    {
        Target own = Start(new Workload("counter"), asUser: true);
        using Service service = new();
        string config = Path.Combine(own.Home, "config"), proof = Path.Combine(own.Home, "proof");
        File.WriteAllText(config, $"action-script /usr/bin/touch\n");
        Assert.Contains("action-script (/usr/bin/touch) is not supported here", Ask(service, CriuReqType.Dump, own, opts => opts.ConfigFile = Programs.Text(config)).CrErrmsg);
        Assert.True(Ask(service, CriuReqType.Dump, own).Success);
        Child.Wait(own.Pid, TimeSpan.FromSeconds(10));
        CriuResp answer = Ask(service, CriuReqType.Restore, own, opts => opts.ExecCmd.AddRange([Programs.Text("touch"), Programs.Text(proof)]));
        Assert.Contains("exec_cmd is not supported here", answer.CrErrmsg);
        Assert.False(File.Exists(proof));
    }

    /// <summary>The log and the images, through a link to a file of root's and into a directory of root's.</summary>
    [Fact]
    public void MayNotWriteWhatIsNotTheirs()
    {
        Target own = Start(new Workload("counter"), asUser: true);
        using Service service = new();
        string secret = Path.Combine(service.Folder, "secret"), closed = Path.Combine(service.Folder, "closed");
        File.WriteAllText(secret, "root's");
        File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.CreateDirectory(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(Path.Combine(own.Images, "dump.log"), secret);
        Assert.Contains("it is not permitted (EACCES)", Ask(service, CriuReqType.Dump, own, opts => opts.LogFile = Programs.Text("dump.log")).CrErrmsg);
        Assert.Equal("root's", File.ReadAllText(secret));
        Assert.Contains("it is not permitted (EACCES)", Ask(service, CriuReqType.Dump, own, opts => opts.ImagesDir = Programs.Text(closed)).CrErrmsg);
        Assert.Empty(Directory.GetFileSystemEntries(closed));
        File.CreateSymbolicLink(Path.Combine(own.Images, "inventory.img"), secret);
        CriuResp answer = Ask(service, CriuReqType.Dump, own, opts => opts.LeaveRunning = true);
        Assert.True(answer.Success, answer.CrErrmsg);                   // the link is theirs, and is replaced
        Assert.Equal("root's", File.ReadAllText(secret));
        own.GoesOn();
        own.Finish();
    }

    private static CriuResp Ask(Service service, CriuReqType type, Target own, Action<CriuOpts>? set = null)
    {
        CriuOpts options = new() { ImagesDirFd = -1, ImagesDir = Programs.Text(own.Images), LogLevel = 4 };
        if (type == CriuReqType.Dump)
            options.Pid = own.Pid;
        set?.Invoke(options);
        return service.AskAsUser(new CriuReq { Type = type, Opts = options });
    }

    private static void Rewrite(Target own, string change)
    {
        using ImageDirectory images = ImageDirectory.Create(own.Images);
        CoreEntry core = images.ReadSingle<CoreEntry>(ImageKind.Core, (ulong)own.Pid);
        CredsEntry creds = core.ThreadCore.Creds;
        if (change == "user")
            creds.Uid = creds.Euid = creds.Suid = creds.Fsuid = 0;
        else if (change == "groups")
            creds.Groups.Add(0);
        else if (change == "capabilities")
            creds.CapPrm[1] = 1u << Capability.CHECKPOINT_RESTORE - 32;
        else
            core.ThreadCore.Creds = null;
        images.WriteSingle(ImageKind.Core, (ulong)own.Pid, core);
        images.Commit();
        File.SetUnixFileMode(Path.Combine(own.Images, $"core-{own.Pid}.img"), (UnixFileMode)0x1a4);
    }
}
