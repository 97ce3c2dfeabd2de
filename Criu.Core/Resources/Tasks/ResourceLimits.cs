using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>
/// getrlimit(2), asked from inside: of another uid's process even root may not read them without CAP_SYS_RESOURCE, of oneself everybody may.
/// </summary>
internal sealed class ResourceLimits : ITaskKind
{
    public RestoreStage Stage => RestoreStage.Credentials;

    public Action Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(ResourceLimit.Kinds, ResourceLimit.Kinds * 16);
        var limits = batch.NewArray<ResourceLimit>(ResourceLimit.Kinds);
        for (int kind = 0; kind < ResourceLimit.Kinds; kind++)
            batch.Call(Nr.prlimit64, 0L, kind, 0L, limits.Remote + kind * 16);
        return () =>
        {
            task.Core.Tc.Rlimits = new TaskRlimitsEntry();
            foreach (var limit in limits.Span)
                task.Core.Tc.Rlimits.Rlimits.Add(new RlimitEntry { Cur = limit.Current, Max = limit.Maximum });
        };
    }

    /// <summary>
    /// Everyone starts with the engine's limits, and those that are right already are left: raising a hard limit needs CAP_SYS_RESOURCE. Before the credentials, and after
    /// everything that a limit would forbid.
    /// </summary>
    public void Restore(RestoreTask task, BatchStream stream)
    {
        var limits = task.Core.Tc.Rlimits?.Rlimits;
        var batch = stream.Room(ResourceLimit.Kinds, ResourceLimit.Kinds * 16);
        for (int kind = 0; kind < Math.Min(limits?.Count ?? 0, ResourceLimit.Kinds); kind++)
        {
            var wanted = new ResourceLimit { Current = limits![kind].Cur, Maximum = limits[kind].Max };
            var ours = task.Context.OwnLimits[kind];
            if (wanted.Maximum > ours.Maximum && !task.Context.MayRaiseLimits)
                throw new CheckpointException($"{task}: its hard limit {kind} ({Number(wanted.Maximum)}, see getrlimit(2)) is above ours ({Number(ours.Maximum)})",
                    "Run with CAP_SYS_RESOURCE, or with limits at least as high as at the dump (ulimit -H)");
            var now = task.Context.PuppetLimits[kind];
            if ((wanted.Current, wanted.Maximum) != (now.Current, now.Maximum))
                batch.Call(Nr.prlimit64, 0L, kind, batch.New(wanted).Remote, 0L);
        }
    }

    private static string Number(ulong limit) => limit == ulong.MaxValue ? "unlimited" : $"{limit}";
}
