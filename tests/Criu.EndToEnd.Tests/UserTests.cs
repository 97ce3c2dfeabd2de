using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>The engine as an ordinary user: it may dump what is its own. A restore needs pids of its choice, which takes one capability.</summary>
public sealed class UserTests : EndToEndTest
{
    public static TheoryData<string> Own => ["counter", "threads 16", "tree 50", "pipeline.sh", "blocked read strictly", "terminals"];

    [Theory, MemberData(nameof(Own))]
    public void Dumps_a_process_of_its_own(string workload)
    {
        Target target = Start(Workloads.Named(workload), asUser: true);
        ProcessPicture before = target.Picture();
        target.Dump(Of(target, User.Ordinary), "-R");
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    [Fact]
    public void Names_the_capability_that_a_restore_needs()
    {
        Target target = Start(Workloads.Named("counter"), asUser: true);
        target.DumpToTheEnd(Of(target, User.Ordinary));
        target.Refuses(Of(target, User.Ordinary).Restore(target.Images), "CAP_CHECKPOINT_RESTORE");
        target.IsGone();
        target.Restore(Engine.Native);
        target.GoesOn();
        target.Finish();
    }

    [Theory, MemberData(nameof(Own))]
    public void Restores_with_one_capability(string workload)
    {
        Target target = Start(Workloads.Named(workload), asUser: true);
        target.GoesOn();
        ProcessPicture before = target.Picture();
        target.DumpToTheEnd(Of(target, User.Ordinary));
        target.Restore(Of(target, User.With("checkpoint_restore")));
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    private static Engine Of(Target target, string[] user) => new("native", Places.CopyOf(Engine.Native.Command[0], target.Folder)) { Prefix = user };
}
