using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary>The service: many clients, each with a worker and rights of their own.</summary>
public sealed class ServiceTests : EndToEndTest
{
    private static readonly CriuReq Version = new() { Type = CriuReqType.Version, KeepOpen = true };

    [Fact]
    public void ServesClientsAtOnce()
    {
        using Service service = new();
        List<Client> clients = [.. Enumerable.Range(0, 5).Select(_ => service.Connect())];
        foreach (Client client in clients.Concat(clients))
        {
            client.Send(Version);
            Assert.Equal(4, client.Receive()!.Version.MajorNumber);
        }
        Assert.True(service.Ask(new CriuReq { Type = CriuReqType.FeatureCheck, Features = new CriuFeatures { MemTrack = true } }).Features.HasMemTrack);
        clients.ForEach(client => client.Dispose());
        Assert.True(Child.Until(() => service.Workers.Count == 0), "workers stay");
    }

    [Fact]
    public void DumpsAndRestores()
    {
        Target target = Start(new Workload("threads 16") { Counters = 16 });
        using Service service = new();
        using var images = Programs.OpenDirectory(target.Images);
        ProcessPicture before = target.Picture();
        CriuReq request = new() { Type = CriuReqType.Dump, Opts = new CriuOpts { ImagesDirFd = images.Fd(), Pid = target.Pid, LogLevel = 4 } };
        CriuResp dumped = service.Ask(request);
        Assert.True(dumped.Success, dumped.CrErrmsg);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));

        request.Type = CriuReqType.Restore;
        CriuResp restored = service.Ask(request);
        Assert.True(restored.Success, restored.CrErrmsg);
        Assert.Equal(target.Pid, restored.Restore.Pid);
        Assert.True(Child.Until(() => service.Workers.Count == 0), "workers stay");
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    [Fact]
    public void RefusesWhatOnlyAParentMayAsk()
    {
        using Service service = new();
        CriuOpts options = new() { ImagesDirFd = -1, ImagesDir = Programs.Text(service.Folder), RstSibling = true };
        Assert.Contains("rst_sibling is not supported here", service.Ask(new CriuReq { Type = CriuReqType.Restore, Opts = options }).CrErrmsg);
        options.RstSibling = false;
        options.InheritFd.Add(new InheritFd { Fd = 1, Key = Programs.Text("pipe[1]") });
        Assert.Contains("inherit_fd is not supported here", service.Ask(new CriuReq { Type = CriuReqType.Restore, Opts = options }).CrErrmsg);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void GarbageHarmsNobody(int seed)
    {
        var random = new Random(seed);
        using Service service = new();
        using Client quiet = service.Connect();
        quiet.Send(Version);
        Assert.True(quiet.Receive()!.Success);
        int before = service.Descriptors;
        for (int i = 0; i < 100; i++)
        {
            using Client client = service.Connect();
            byte[] message = new byte[random.Next(0, 3000)];
            random.NextBytes(message);
            client.Send(message);
            if (random.Next(2) == 0)
                Assert.False(client.Receive()!.Success);
        }
        Assert.True(Child.Until(() => service.Workers.Count == 0), "workers stay");
        Assert.True(Child.Until(() => service.Descriptors == before), $"{service.Descriptors} descriptors instead of {before}");
        quiet.Send(Version);
        Assert.True(quiet.Receive()!.Success);
    }

    [Fact]
    public void GoesToTheBackground()
    {
        string folder = Places.NewFolder("service");
        int? daemon = null;
        try
        {
            string socket = Path.Combine(folder, "socket"), pidFile = Path.Combine(folder, "pid");
            Assert.Equal(0, Child.Wait(Child.Start([.. Programs.Criu, "service", "-d", "--address", socket, "--pidfile", pidFile]), TimeSpan.FromSeconds(20)));
            daemon = int.Parse(File.ReadAllText(pidFile));
            using Client client = Client.Of(socket);
            client.Send(Version);
            Assert.True(client.Receive()!.Success);
            Assert.Equal("/dev/null", Proc.Link($"/proc/{daemon}/fd/2"));
            Assert.Equal(1, Child.Wait(Child.Start([.. Programs.Criu, "service", "--address", socket]), TimeSpan.FromSeconds(20)));
        }
        finally
        {
            if (daemon is int pid)
            {
                Libc.kill(pid, Libc.SIGKILL);
                Child.Wait(pid, TimeSpan.FromSeconds(5));
            }
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void ReplacesASocketThatWasLeft()
    {
        using Service first = new();
        first.Kill();
        File.Delete(first.Log);
        using Service second = new(first.Folder);
        Assert.True(second.Ask(Version).Success);
    }

    [Fact]
    public void ServesAUserWithTheirOwnRights()
    {
        Target own = Start(new Workload("counter"), asUser: true), other = Start(new Workload("counter"));
        using Service service = new();
        CriuOpts options = new() { ImagesDirFd = -1, ImagesDir = Programs.Text(own.Images), Pid = own.Pid, LeaveRunning = true };
        CriuResp answer = service.AskAsUser(new CriuReq { Type = CriuReqType.Dump, Opts = options });
        Assert.True(answer.Success, answer.CrErrmsg);
        Assert.Contains($"Uid:\t{User.Id}", Owner(Path.Combine(own.Images, "inventory.img")));
        own.GoesOn();

        options.Pid = other.Pid;
        options.ImagesDir = Programs.Text(other.Images);
        Assert.False(service.AskAsUser(new CriuReq { Type = CriuReqType.Dump, Opts = options }).Success);
        Assert.False(File.Exists(Path.Combine(other.Images, "inventory.img")));
        other.GoesOn();

        options.Pid = own.Pid;
        string rootsOnly = Directory.CreateDirectory(Path.Combine(service.Folder, "roots"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        options.ImagesDir = Programs.Text(rootsOnly);
        Assert.Contains("not permitted", service.AskAsUser(new CriuReq { Type = CriuReqType.Dump, Opts = options }).CrErrmsg);
        own.Finish();
        other.Finish();
    }

    private static string Owner(string file)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("stat", ["-c", "Uid:\t%u", file]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd();
    }
}
