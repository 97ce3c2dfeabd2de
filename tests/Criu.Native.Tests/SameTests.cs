using System.Text.RegularExpressions;
using Criu.Core.Rpc;
using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Criu.Native.Tests.Harness;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Native.Tests;

/// <summary>The command line, a request of the RPC and calls of libcriu that ask for the same do the same: the same images, the same log, the same process.</summary>
public sealed partial class SameTests : IDisposable
{
    private const int SIGUSR1 = 10, EndedWell = 41;

    private readonly string folder = Places.NewFolder("same");
    private readonly RealService service;

    public SameTests()
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it restores pids");
        service = new RealService();
    }

    [Fact]
    public void ADump()
    {
        int pid = StartTarget();
        string line = NewImages("line"), request = NewImages("request"), calls = NewImages("calls");
        Command.Demand(Programs.Criu, "dump", "-D", line, "-v4", "-o", "dump.log", "-t", $"{pid}", "--leave-running", "--ext-unix-sk", "--tcp-established", "--evasive-devices", "--shell-job", "--file-locks");
        Ask(CriuReqType.Dump, request, "dump.log", options =>
        {
            options.Pid = pid;
            options.LeaveRunning = options.ExtUnixSk = options.TcpEstablished = options.EvasiveDevices = options.ShellJob = options.FileLocks = true;
        });
        Assert.Equal("dump = 0\n", Command.Demand(Programs.Of("calls"), $"address={service.Socket}", $"images={calls}", $"pid={pid}", "usual", "log=dump.log", "dump"));

        Dictionary<string, string> expected = ImagesOf(line);
        Assert.Contains("pages-1.img", expected.Keys);
        AreSame(expected, ImagesOf(request));
        AreSame(expected, ImagesOf(calls));
        Assert.Equal(LogOf(line, "dump.log"), LogOf(request, "dump.log"));
        Assert.Equal(LogOf(line, "dump.log"), LogOf(calls, "dump.log"));
        Finish(pid);
    }

    /// <summary>Of the same images.</summary>
    [Fact]
    public void ARestore()
    {
        int pid = StartTarget();
        string images = NewImages("images");
        Command.Demand(Programs.Criu, "dump", "-D", images, "-t", $"{pid}");
        Child.Wait(pid, TimeSpan.FromSeconds(10));

        Command.Demand(Programs.Criu, "restore", "-D", images, "-v4", "-o", "line.log", "-d");
        Finish(pid);
        Assert.Equal(pid, Ask(CriuReqType.Restore, images, "request.log", _ => { }).Restore.Pid);
        Finish(pid);
        Assert.Equal($"restore = {pid}\n", Command.Demand(Programs.Of("calls"), $"address={service.Socket}", $"images={images}", "log=calls.log", "restore"));
        Finish(pid);
        Assert.Equal(LogOf(images, "line.log"), LogOf(images, "request.log"));
        Assert.Equal(LogOf(images, "line.log"), LogOf(images, "calls.log"));
    }

    [Fact]
    public void ACheck()
    {
        Command.Demand(Programs.Criu, "check");
        Ask(CriuReqType.Check, NewImages("check"), "check.log", _ => { });
        Assert.Equal("check = 0\n", Command.Demand(Programs.Of("calls"), $"address={service.Socket}", "check"));
    }

    public void Dispose()
    {
        service.Dispose();
        string leaks = Leaks.In([]);
        Leaks.EndDescendants();
        Directory.Delete(folder, recursive: true);
        Assert.Equal("", leaks);
    }

    private int StartTarget()
    {
        int pid = Child.Start([Places.Program("launch"), folder, "022", Programs.Of("target")]);
        string log = Path.Combine(folder, "log");
        Assert.True(Child.Until(() => File.Exists(log) && File.ReadAllText(log).Contains("ready", StringComparison.Ordinal)), "the target does not start");
        Assert.True(Child.Until(() => Proc.State(pid) == 'S'), "the target does not wait");
        return pid;
    }

    private static void Finish(int pid)
    {
        Assert.Equal(0, Libc.kill(pid, SIGUSR1));
        Assert.Equal(EndedWell, Child.Wait(pid, TimeSpan.FromSeconds(10)));
    }

    private string NewImages(string name) => Directory.CreateDirectory(Path.Combine(folder, name)).FullName;

    private CriuResp Ask(CriuReqType type, string images, string log, Action<CriuOpts> set)
    {
        using var directory = Kernel.Own(Kernel.Open(images, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY));
        var options = new CriuOpts { ImagesDirFd = directory.Fd(), LogFile = ByteString.CopyFromUtf8(log), LogLevel = 4 };
        set(options);
        using var connection = new ClientConnection(ClientSocket.Connect(service.Socket), child: 0);
        var answer = connection.Ask(new CriuReq { Type = type, Opts = options }, null, CancellationToken.None);
        Assert.True(answer.Success, answer.CrErrmsg);
        return answer;
    }

    private static void AreSame(Dictionary<string, string> expected, Dictionary<string, string> images)
    {
        Assert.Equal(expected.Keys.Order(), images.Keys.Order());
        Assert.All(expected, image => Assert.Equal(image, KeyValuePair.Create(image.Key, images[image.Key])));
    }

    /// <summary>Names and contents; but for what tells when, and by which run.</summary>
    private static Dictionary<string, string> ImagesOf(string images) => Directory.GetFiles(images).Where(file => !file.EndsWith(".log", StringComparison.Ordinal))
        .ToDictionary(file => Path.GetFileName(file)!, file => Path.GetFileName(file) is "inventory.img" or "stats-dump" or "timens-0.img" ? "" : Convert.ToHexString(File.ReadAllBytes(file)));

    /// <summary>Without times, numbers, places, and who has set an option, and in which order; the first line is that of the program.</summary>
    private static List<string> LogOf(string images, string name)
    {
        var lines = File.ReadLines(Path.Combine(images, name)).Skip(1).Select(line => Varying().Replace(Origin().Replace(line.Replace(images, "IMAGES"), " has"), "N")).ToLookup(line => line.Contains("(options)"));
        return [.. lines[true].Order(), .. lines[false]];
    }

    [GeneratedRegex("/proc/self/fd/[0-9]+|[0-9]+(\\.[0-9]+)?|IMAGES")]
    private static partial Regex Varying();

    [GeneratedRegex(" \\([^)]*\\) has")]
    private static partial Regex Origin();
}
