using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Images made by one engine and restored by another: ours and CRIU 4.2, whose path is in CRIU_REFERENCE.</summary>
public sealed class ExchangeTests : EndToEndTest
{
    public static TheoryData<string> Exchangeable => [.. Workloads.All.Where(w => w is { NotInImages: null, ReferenceCannot: null }).Select(w => w.Command)];

    public static TheoryData<string> All => [.. Workloads.All.Where(w => w.NotInImages == null).Select(w => w.Command)];

    [Theory, MemberData(nameof(Exchangeable))]
    public void Ours_restored_by_the_reference(string workload) => Exchange(Engine.Native, Reference(), workload);

    [Theory, MemberData(nameof(Exchangeable))]
    public void The_references_restored_by_us(string workload) => Exchange(Reference(), Engine.Native, workload);

    /// <summary>That the list of what the reference cannot do is right: so a failure above is no failure of its own.</summary>
    [Theory, MemberData(nameof(All))]
    public void The_reference_by_itself(string workload)
    {
        Engine reference = Reference();
        string? cannot = Workloads.Named(workload).ReferenceCannot;
        if (cannot == null)
            Exchange(reference, reference, workload);
        else
            Assert.ThrowsAny<Exception>(() => Exchange(reference, reference, workload));
    }

    private static Engine Reference()
    {
        Engine? reference = Engine.Reference;
        if (reference == null)
            Skips.Because("needs CRIU 4.2 in CRIU_REFERENCE");
        return reference;
    }

    private void Exchange(Engine dumper, Engine restorer, string workload)
    {
        Target target = Start(Workloads.Named(workload));
        target.GoesOn();
        ProcessPicture before = target.Picture();
        target.DumpToTheEnd(dumper);
        target.Restore(restorer);
        target.IsUntouched();
        target.GoesOn();
        target.LooksLike(before, target.Workload.ReferenceChanges);
        target.Finish();
    }
}
