using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Each workload is dumped with its end, restored and goes on, twice: what was restored must be as good as what was started.</summary>
public sealed class RoundTripTests : EndToEndTest
{
    public static TheoryData<string, string> AsRoot => Cases(w => w.NotInImages == null);

    public static TheoryData<string, string> All => Cases(w => true);

    public static TheoryData<string, string> AsUser => Cases(w => w.AsUser);

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
