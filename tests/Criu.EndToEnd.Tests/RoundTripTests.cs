using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Each workload is dumped with its end, restored and goes on, twice: what was restored must be as good as what was started.</summary>
public sealed class RoundTripTests : EndToEndTest
{
    public static TheoryData<string, string> AsRoot => Cases(w => w.NotInImages == null);

    public static TheoryData<string, string> All => Cases(w => true);

    public static TheoryData<string, string> AsUser => Cases(w => w.AsUser);

    public static TheoryData<string> Engines => [.. Engine.UnderTest];

    private static TheoryData<string, string> Cases(Func<Workload, bool> which) =>
        [.. Engine.UnderTest.SelectMany(e => Workloads.All.Where(which).Select(w => (e, w.Command)))];

    [Theory, MemberData(nameof(AsRoot))]
    public void Of_root(string engine, string workload) => TwoRounds(Engine.Named(engine), Start(Workloads.Named(workload)));

    [Theory, MemberData(nameof(AsUser))]
    public void Of_a_user_without_capabilities(string engine, string workload) => TwoRounds(Engine.Named(engine), Start(Workloads.Named(workload), asUser: true));

    [Theory, MemberData(nameof(All))]
    public void Left_running(string engine, string workload)
    {
        Target target = Start(Workloads.Named(workload));
        for (int round = 0; round < 2; round++)
        {
            target.GoesOn();
            ProcessPicture before = target.Picture();
            target.Dump(Engine.Named(engine), "-R");
            target.IsUntouched();
            target.GoesOn();
            target.LooksLike(before);
        }
        target.Finish();
    }

    /// <summary>The engine's hard limit of descriptors is that of the process, and nearly all are in use.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void Under_the_same_limit_of_descriptors(string engine) =>
        TwoRounds(Engine.Named(engine) with { Prefix = ["sh", "-c", "ulimit -n 500 && exec \"$@\"", "sh"] }, Start(Workloads.Named("descriptors")));

    /// <summary>Who ignores SIGCHLD passes that on, and the kernel then leaves nobody to wait for.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void By_a_caller_that_ignores_the_end_of_children(string engine)
    {
        Target target = Start(Workloads.Named("counter"));
        target.DumpToTheEnd(Engine.Named(engine));
        Engine ignoring = Engine.Named(engine) with { Prefix = ["sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"] };
        long before = new FileInfo(target.LogFile).Length;
        RunningEngine run = ignoring.Start("restore", target.Images);
        target.Holds(Child.Until(() => new FileInfo(target.LogFile).Length > before), "is not restored");
        File.WriteAllText(Path.Combine(target.Home, "finish"), "");
        target.Holds(target.Note(run.Wait(TimeSpan.FromSeconds(20))).Succeeded, "does not end well");
    }

    private static void TwoRounds(Engine engine, Target target)
    {
        for (int round = 0; round < 2; round++)
        {
            target.GoesOn();
            ProcessPicture before = target.Picture();
            target.DumpToTheEnd(engine);
            target.Restore(engine);
            target.IsUntouched();
            target.GoesOn();
            target.LooksLike(before);
        }
        target.Finish();
    }
}
