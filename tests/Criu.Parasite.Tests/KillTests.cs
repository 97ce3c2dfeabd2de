using System.Globalization;
using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;

namespace Criu.Parasite.Tests;

/// <summary>Whenever the engine is killed, its guard leads all home. CRIU_KILLS says how often, CRIU_SEED at which moments.</summary>
public sealed class KillTests(ITestOutputHelper output) : ParasiteTest
{
    private static int Kills => Number("CRIU_KILLS") ?? 100;

    [Theory]
    [InlineData("threads 8"), InlineData("goroutines"), InlineData("filtered"), InlineData("filtered strict"), InlineData("sleeper 400")]
    public void An_engine_that_is_killed_at_any_moment(string command)
    {
        int seed = Number("CRIU_SEED") ?? Random.Shared.Next(1_000_000);
        output.WriteLine($"CRIU_SEED={seed}");
        var random = new Random(seed);
        var program = Start(command);
        int kills = command == "filtered strict" ? Kills / 4 : Kills;         // little differs from "filtered"
        for (int kill = 0; kill < kills; kill++)
        {
            string hosts = random.Next(2) == 0 ? "one" : "all";
            using var engine = new EngineProcess(asUser: false, "loop", $"{program.Pid}", hosts);
            if (kill % 2 == 0)
                engine.FirstLine();                             // it has a guard now
            Thread.Sleep(random.Next(EngineProcess.Spread));
            engine.Kill();
            AllIsWell([program], $"kill {kill}, seed {seed}: {engine.Output}");
            if (kill % 10 == 9)
                program.GoesOn(by: 1);
        }
        program.GoesOn();
    }

    /// <summary>Every moment at which the engine can have made a difference: between two batches, and between two calls of its own (memory, descriptors, processes).</summary>
    [Theory, InlineData("batch", 30), InlineData("call", 60)]
    public void An_engine_that_ends_at_any_boundary(string kind, int atLeast)
    {
        Program[] programs = [Start("threads 8"), Start("sleeper 400"), Start("filtered")];
        for (int boundary = 1; ; boundary++)
        {
            using var engine = new EngineProcess(asUser: false, ["exit-after", kind, $"{boundary}", .. programs.Select(p => $"{p.Pid}")]);
            int code = engine.Wait();
            AllIsWell(programs, $"{kind} {boundary}: {engine.Output}");
            if (code == 0)
            {
                Assert.Equal("finished\n", engine.Output);
                Assert.True(boundary > atLeast, $"only {boundary} boundaries");
                output.WriteLine($"{boundary - 1} boundaries");
                break;
            }
            Assert.True(code == 9 && engine.Output is "" or "finished\n", $"{kind} {boundary}: exit code {code}: {engine.Output}");
            if (boundary % 10 == 0)
                Array.ForEach(programs, p => p.GoesOn(by: 1));
        }
        Array.ForEach(programs, p => p.GoesOn());
    }

    [Fact]
    public void A_program_that_is_killed_at_any_moment_keeps_no_engine()
    {
        int seed = Number("CRIU_SEED") ?? Random.Shared.Next(1_000_000);
        output.WriteLine($"CRIU_SEED={seed}");
        var random = new Random(seed);
        for (int kill = 0; kill < Math.Min(Kills, 30); kill++)
        {
            using var program = new Program(kill % 2 == 0 ? "threads 8" : "counter");
            using var engine = new EngineProcess(asUser: false, "loop", $"{program.Pid}", random.Next(2) == 0 ? "one" : "all");
            engine.FirstLine();
            Thread.Sleep(random.Next(EngineProcess.Spread));
            Libc.kill(program.Pid, Libc.SIGKILL);
            Assert.Equal(-Libc.SIGKILL, Child.Wait(program.Pid, TimeSpan.FromSeconds(60)));
            Assert.Equal(1, engine.Wait());
            Assert.Contains($"pid {program.Pid}", engine.Output);
            Assert.Empty(HelpersLeft());
        }
    }

    [Theory, InlineData("sleeper 400"), InlineData("counter"), InlineData("threads 8")]
    public void A_guard_that_is_killed_is_replaced(string command)
    {
        var random = new Random(Number("CRIU_SEED") ?? 1);
        var program = Start(command);
        for (int round = 0; round < 5; round++)
        {
            using var engine = new EngineProcess(asUser: false, "hold", $"{program.Pid}");
            int guard = int.Parse(engine.FirstLine(), CultureInfo.InvariantCulture);
            Libc.kill(guard, Libc.SIGKILL);
            Thread.Sleep(random.Next(20));
            engine.Go();
            Assert.Equal(1, engine.Wait());
            Assert.Contains($"the guard {guard} was killed; what it held was led home by another", engine.Output);
            AllIsWell([program], engine.Output);
            program.GoesOn(by: 1);
        }
    }

    private static void AllIsWell(Program[] programs, string when)
    {
        string[] left = HelpersLeft();
        Assert.True(left.Length == 0, $"{when}\nleft: {string.Join('\n', left)}");
        foreach (var program in programs)
        {
            program.Await(() => true, when);
            program.IsUnharmed();
        }
    }

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number) ? number : null;
}
