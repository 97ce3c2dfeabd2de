using System.Text.RegularExpressions;
using Criu.EndToEnd.Tests.Harness;
using Xunit.Sdk;

namespace Criu.EndToEnd.Tests;

/// <summary>
/// A web server of ASP.NET Core under CoreCLR: double mapped code, epoll, eventfd, timers, inotify, the diagnostics socket, a connection that is open meanwhile. It is dumped from outside,
/// and by a request of its own, which the restored copy answers.
/// </summary>
public sealed class KestrelTests : EndToEndTest
{
    private const string Port = "8080", Address = $"http://127.0.0.1:{Port}";

    /// <summary>The pool of threads comes and goes, and memory with it.</summary>
    private const string Changes = " thread | Threads|fd .* (pos|tfd)| map ";

    private string _folder = "";
    private readonly List<EngineRun> _runs = [];
    private Network _network = null!;
    private int _server;

    public static TheoryData<string> Engines => [.. Engine.UnderTest];

    public static TheoryData<string> Servers => [.. Engine.UnderTest, "service"];

    private string Images => Path.Combine(_folder, "images");

    private string Home => Path.Combine(_folder, "home");

    /// <summary>By a criu that it starts, or by a service.</summary>
    [Theory, MemberData(nameof(Servers))]
    public void Checkpoints_itself_at_a_request_which_the_copy_answers(string name) => With(name, engine =>
    {
        Assert.Equal($"{_server} 2  ", Get("/"));
        Assert.Equal("dumped", Ask("POST", $"/checkpoint?images={Images}&leave=true"));
        Assert.Equal($"{_server} 3  ", Get("/"));
        Assert.Equal(new Random(1).Next(), int.Parse(Get("/random"), System.Globalization.CultureInfo.InvariantCulture));

        string answer = Path.Combine(_folder, "answer");
        int client = Child.Start([.. _network.Enter, "sh", "-c", $"exec {Request("POST", $"/checkpoint?images={Images}&leave=false")} > {answer} 2>&1"]);
        AwaitEnd();
        byte[] log = File.ReadAllBytes(Path.Combine(Home, "log"));
        File.WriteAllText(Path.Combine(Images, "start.json"), """{ "arguments": ["one", "two"], "environment": { "GREETING": "hello", "PATH": null } }""");
        Restore(engine);
        Assert.Equal(0, Child.Wait(client, TimeSpan.FromSeconds(20)));
        Assert.Equal("restored", Proc.Text(answer));
        Assert.Equal($"{_server} 4 one,two hello", Get("/"));
        int drawn = int.Parse(Get("/random"), System.Globalization.CultureInfo.InvariantCulture);

        // Again from the same images: another day, another copy, other numbers.
        End();
        File.WriteAllBytes(Path.Combine(Home, "log"), log);             // the file belongs to the images
        File.WriteAllText(Path.Combine(Images, "start.json"), """{ "arguments": ["again"] }""");
        Restore(engine);
        Assert.Equal($"{_server} 4 again ", Get("/"));
        Assert.NotEqual(drawn, int.Parse(Get("/random"), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal("", _network.Held);
    });

    /// <summary>A dump that fails is told to who asked, and the server goes on.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void Goes_on_when_it_cannot_be_dumped(string name) => With(name, engine =>
    {
        Assert.Contains("/nonexistent", Ask("POST", "/checkpoint?images=/nonexistent&leave=true"));
        Assert.Equal($"{_server} 2  ", Get("/"));
    });

    public static TheoryData<string, string> Pairs =>
        [.. Engine.UnderTest.Select(e => (e, e)), ("native", "reference"), ("reference", "native"), ("reference", "reference")];

    [Theory, MemberData(nameof(Pairs))]
    public void Is_dumped_from_outside(string dumper, string restorer)
    {
        if (Engine.Reference == null && (dumper == "reference" || restorer == "reference"))
            Skips.Because("needs CRIU 4.2 in CRIU_REFERENCE");
        With(dumper == "reference" ? "native" : dumper, _ =>
        {
            int rounds = restorer == "reference" ? 1 : 2;       // it restores into a time namespace of its own
            for (int round = 2; round < 2 + rounds; round++)
            {
                Assert.Equal($"{_server} {round}  ", Get("/"));
                var changes = new Regex(Changes + (restorer == "reference" ? "|inotify wd" : ""));
                ProcessPicture before = ProcessPicture.Settled(() => [_server], AMomentLater, changes);
                Run(_network.With(Engine.Named(dumper)).Dump(_server, Images, "--tcp-established"));
                AwaitEnd();
                Run(_network.With(Engine.Named(restorer)).Restore(Images, "--tcp-established"));
                Assert.Equal("", Leaks.In([_server]));
                string difference = before.Difference(ProcessPicture.Settled(() => [_server], AMomentLater, changes), changes);
                Assert.True(difference.Length == 0, difference);
            }
            Assert.Equal($"{_server} {2 + rounds}  ", Get("/"));
        });
    }

    /// <summary>The server has no rounds of its own; what its runtime does passes by itself.</summary>
    private static bool AMomentLater()
    {
        Thread.Sleep(20);
        return true;
    }

    private void With(string name, Action<Engine> test)
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it changes users and restores pids");
        _network = NewNetwork();
        _folder = Places.NewFolder("kestrel");
        try
        {
            foreach (string folder in (string[])[Images, Home])
                Directory.CreateDirectory(folder);
            Engine engine = Engine.Named(name == "service" ? "native" : name);
            string[] criu = name == "service" ? ["service", StartService(engine)] : engine.Command;
            string app = Path.Combine(Places.Repository, "tests/Criu.Kestrel.App/bin/Debug/net10.0/Criu.Kestrel.App.dll");
            _server = Child.Start([.. _network.Enter, Places.Program("launch"), Home, "022", "env", $"TMPDIR={_folder}", "dotnet", app, Port, .. criu]);
            Assert.True(Child.Until(() => Proc.Text(Path.Combine(Home, "log")).Contains("Application started", StringComparison.Ordinal) || Proc.State(_server) == 'Z'));
            Assert.Equal($"{_server} 1  ", Get("/"));
            test(engine);
        }
        catch (Exception exception) when (exception is not SkipException)
        {
            throw new XunitException($"{exception.Message}\n{string.Join("\n\n", _runs.TakeLast(2).Select(run => run.Report))}\nlog of the dump: {Tail(Path.Combine(Images, "dump.log"))}\nlog: {Tail(Path.Combine(Home, "log"))}", exception);
        }
        finally
        {
            End();
            Leaks.EndDescendants();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private string StartService(Engine engine)
    {
        string socket = Path.Combine(_folder, "criu.socket"), log = Path.Combine(_folder, "service.log");
        Child.Start([.. _network.Enter, .. engine.Command, "service", "--address", socket, "-W", _folder, "-o", log]);
        Assert.True(Child.Until(() => File.Exists(socket)), "the service does not listen");
        return socket;
    }

    private void Restore(Engine engine)
    {
        Run(_network.With(engine).Restore(Images, "--tcp-established"));
        Assert.Equal("", Leaks.In([_server]));
    }

    private void Run(EngineRun run)
    {
        _runs.Add(run);
        Assert.True(run.Succeeded, run.Report);
    }

    /// <summary>The pid is free again, and the criu that the server has started is gone.</summary>
    private void AwaitEnd()
    {
        Child.Wait(_server, TimeSpan.FromSeconds(20));
        Assert.False(Directory.Exists($"/proc/{_server}"), "the server was not dumped with its end");
        foreach (int pid in Proc.Descendants().Where(p => Proc.Text($"/proc/{p}/cmdline").Contains("swrk", StringComparison.Ordinal)).ToArray())
            Assert.True(Child.Wait(pid, TimeSpan.FromSeconds(20)) != null || !Directory.Exists($"/proc/{pid}"), $"criu {pid} does not end");
    }

    private void End()
    {
        if (_server <= 0 || !Directory.Exists($"/proc/{_server}"))
            return;
        Libc.kill(_server, Libc.SIGKILL);
        Child.Wait(_server, TimeSpan.FromSeconds(5));
    }

    private string Get(string path) => Ask("GET", path);

    private string Ask(string method, string path) => _network.Do(Request(method, path));

    private static string Request(string method, string path) => $"python3 {Places.Program("ask-web.py")} {method} '{Address}{path}'";

    private static string Tail(string file) => string.Join('\n', Proc.Text(file).TrimEnd().Split('\n').TakeLast(12));
}
