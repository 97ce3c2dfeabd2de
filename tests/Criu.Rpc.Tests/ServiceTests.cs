using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Google.Protobuf;
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

    /// <summary>Memory grows with the first requests, to what a collector leaves to be collected, and no further.</summary>
    [Fact]
    public void TenThousandRequestsTakeNoMemory()
    {
        using Service service = new();
        Ask(30_000);
        long before = Memory(), descriptors = service.Descriptors;
        Ask(10_000);
        Assert.InRange(Memory() - before, long.MinValue, 4096);           // KiB
        Assert.Equal(descriptors, service.Descriptors);

        void Ask(int count)
        {
            for (int i = 0; i < count; i++)
                Assert.True(service.Ask(new CriuReq { Type = CriuReqType.Version }).Success);
        }

        long Memory() => long.Parse(Proc.Text($"/proc/{service.Pid}/status").Split('\n').Single(l => l.StartsWith("VmRSS", StringComparison.Ordinal))[6..^2].Trim());
    }

    /// <summary>Its answers fill the socket; nobody waits for it to read them.</summary>
    [Fact]
    public void AClientThatReadsNothingHarmsNobody()
    {
        using Service service = new();
        using Client deaf = service.Connect();
        for (int i = 0; i < 2000; i++)
            deaf.Send(Version.ToByteArray(), wait: false);
        Assert.True(service.Ask(new CriuReq { Type = CriuReqType.Version }).Success);
    }

    /// <summary>Clients that go at any moment of a dump: with the request unread, between notifications, before the answer.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ClientsThatGoHarmNobody(int seed)
    {
        var random = new Random(seed);
        Target target = Start(new Workload("threads 16") { Counters = 16 });
        using Service service = new();
        ProcessPicture before = target.Picture();
        int descriptors = service.Descriptors;
        for (int i = 0; i < 40; i++)
        {
            using Client client = service.Connect();
            client.Send(new CriuReq
            {
                Type = CriuReqType.Dump,
                Opts = new CriuOpts { ImagesDirFd = -1, ImagesDir = Programs.Text(target.Images), Pid = target.Pid, LeaveRunning = true, NotifyScripts = random.Next(2) == 0 },
            });
            for (int turns = random.Next(3); turns > 0 && client.Receive() is { Type: CriuReqType.Notify }; turns--)
                client.Send(new CriuReq { Type = CriuReqType.Notify, NotifySuccess = true });
            Thread.Sleep(random.Next(40));
        }
        Assert.True(Child.Until(() => service.Workers.Count == 0), "workers stay");
        Assert.True(Child.Until(() => service.Descriptors == descriptors), $"{service.Descriptors} descriptors instead of {descriptors}");
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    [Fact]
    public void TakesItsSocketAwayAndTellsWhenItIsReady()
    {
        string folder = Places.NewFolder("service"), socket = Path.Combine(folder, "socket"), ready = Path.Combine(folder, "ready");
        int pid = Child.Start(["sh", "-c", "exec \"$@\" 7>\"$0\"", ready, .. Programs.Criu, "service", "--address", socket, "-W", folder, "-o", "log", "--status-fd", "7"]);
        try
        {
            Assert.True(Child.Until(() => File.Exists(ready) && new FileInfo(ready).Length == 1), "it is not ready");
            Assert.True(File.Exists(socket));
            Libc.kill(pid, 15);
            Assert.Equal(-15, Child.Wait(pid, TimeSpan.FromSeconds(10)));
            Assert.False(File.Exists(socket));
        }
        finally
        {
            Libc.kill(pid, Libc.SIGKILL);
            Child.Wait(pid, TimeSpan.FromSeconds(5));
            Directory.Delete(folder, recursive: true);
        }
    }
}
