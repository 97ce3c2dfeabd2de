using System.Diagnostics;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>SIGKILL at random moments, to the engine and to its target. CRIU_KILLS sets how often, CRIU_SEED repeats a series.</summary>
public sealed class KillTests : EndToEndTest
{
    private readonly int _seed = RestoreErrorTests.Setting("CRIU_SEED", Random.Shared.Next());
    private readonly int _rounds = RestoreErrorTests.Setting("CRIU_KILLS", 30);

    public static TheoryData<string> Targets => ["threads 16", "tree 50", "goroutines", "blocked nanosleep strictly", "terminals", "passed"];

    /// <summary>However far a dump came, its target runs on as it was, nothing looks complete that is not, and the next dump works.</summary>
    [Theory, MemberData(nameof(Targets))]
    public void Of_a_dumping_engine(string workload)
    {
        Target target = Start(Workloads.Named(workload));
        ProcessPicture before = target.Picture();
        Random random = new(_seed);
        TimeSpan whole = DurationOfADump(target);
        for (int round = 0; round < _rounds; round++)
        {
            File.Delete(Path.Combine(target.Images, "inventory.img"));
            RunningEngine engine = Engine.Native.Start("dump", target.Images, "-t", $"{target.Pid}", "-R");
            Thread.Sleep(whole * random.NextDouble());
            engine.Kill();
            string leaks = Leaks.In(target.Tree);
            target.Holds(leaks.Length == 0, $"was harmed by a killed dump (CRIU_SEED={_seed}, round {round}):\n{leaks}\n{Proc.Text(engine.LogFile)}");
        }
        target.GoesOn();
        target.LooksLike(before);
        target.DumpToTheEnd(Engine.Native);
        target.Restore(Engine.Native);
        target.GoesOn();
        target.Finish();
    }

    /// <summary>Either nothing is left or all of it runs; and the images are as good as before.</summary>
    [Fact]
    public void Of_a_restoring_engine()
    {
        Target target = Start(Workloads.Named("threads 16"));
        TimeSpan whole = DurationOfADump(target) * 1.5;
        target.DumpToTheEnd(Engine.Native);
        byte[] log = File.ReadAllBytes(target.LogFile);
        Random random = new(_seed);
        for (int round = 0; round < _rounds; round++)
        {
            Func<bool> countsOn = target.CountsOn();
            RunningEngine engine = Engine.Native.Start("restore", target.Images, "-d");
            Thread.Sleep(whole * random.NextDouble());
            engine.Kill();
            string leaks = Leaks.In([.. Proc.Descendants()]), all = $"(CRIU_SEED={_seed}, round {round})";
            target.Holds(leaks.Length == 0, $"was left by a killed restore {all}:\n{leaks}\n{Proc.Text(engine.LogFile)}");
            target.Holds(Child.Until(() => target.IsOver || countsOn(), seconds: 5), $"is neither gone nor counts on {all}");
            target.End();
            target.RewindLog(log);
        }
        target.Restore(Engine.Native);
        target.GoesOn();
        target.Finish();
    }

    /// <summary>At the end of a dump the tree dies as a whole or not at all, and what it does not do is mark its robust mutexes.</summary>
    [Theory, InlineData("tree 50"), InlineData("robust")]
    public void Of_an_engine_that_kills(string workload)
    {
        Random random = new(_seed);
        for (int round = 0; round < _rounds; round++)
        {
            using Target target = new(Workloads.Named(workload));
            List<int> tree = target.Tree;
            RunningEngine engine = Engine.Native.Start("dump", target.Images, "-t", $"{target.Pid}");
            Child.Until(() => Proc.Text(engine.LogFile).Contains("letting go", StringComparison.Ordinal), seconds: 20);
            for (long until = Stopwatch.GetTimestamp() + Stopwatch.Frequency / 1_000_000 * random.Next(1500); Stopwatch.GetTimestamp() < until;)
                Thread.SpinWait(10);
            engine.Kill();
            int alive = 0;
            bool settled = Child.Until(() =>
            {
                bool guardIsDone = Leaks.In([]).Length == 0;
                foreach (int pid in tree.Where(p => Proc.State(p) == 'Z'))
                    Child.Wait(pid, TimeSpan.Zero);
                alive = tree.Count(p => Directory.Exists($"/proc/{p}"));
                return guardIsDone && (alive == 0 || alive == tree.Count && Leaks.In(tree).Length == 0);
            });
            target.Holds(settled, $"has {alive} of {tree.Count} processes left (CRIU_SEED={_seed}, round {round})");
            if (alive == 0)
                continue;
            target.GoesOn();
            target.Finish();
        }
    }

    /// <summary>The target dies under the engine, which must notice, fail by itself and leave no helper.</summary>
    [Fact]
    public void Of_a_target()
    {
        Random random = new(_seed);
        TimeSpan whole = TimeSpan.FromMilliseconds(20);
        for (int round = 0; round < _rounds / 3; round++)
        {
            using Target target = new(Workloads.Named("threads 16"));
            RunningEngine engine = Engine.Native.Start("dump", target.Images, "-t", $"{target.Pid}", "-R");
            Thread.Sleep(whole * random.NextDouble());
            Libc.kill(target.Pid, Libc.SIGKILL);
            EngineRun run = target.Note(engine.Wait(TimeSpan.FromSeconds(10)));
            target.Holds(run.ExitCode is >= 0 and < 128, $"was killed, and the dump did not end in good order (CRIU_SEED={_seed}, round {round})");
            target.Holds(Leaks.In([]) is "", $"was killed, and a helper stayed (CRIU_SEED={_seed}, round {round})");
        }
    }

    private static TimeSpan DurationOfADump(Target target)
    {
        Stopwatch clock = Stopwatch.StartNew();
        target.Dump(Engine.Native, "-R");
        return clock.Elapsed;
    }
}
