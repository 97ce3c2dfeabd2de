using System.Globalization;
using System.Text;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Tasks;

/// <summary>prctl(2): who adopts orphans, whether the process may be dumped, whether it has huge pages; and its execution domain, personality(2).</summary>
internal sealed class ProcessAttributes : ITaskKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        const long Disabled = 1;                        // with flags from bit 1 on, since 6.18
        var batch = stream.Room(3, sizeof(int));
        var subreaper = batch.New<int>();
        batch.Call(Nr.prctl, Prctl.PR_GET_CHILD_SUBREAPER, subreaper.Remote);
        var dumpable = batch.Call(Nr.prctl, Prctl.PR_GET_DUMPABLE);
        var hugePages = batch.Call(Nr.prctl, Prctl.PR_GET_THP_DISABLE, 0L, 0L, 0L, 0L);
        uint personality = task.Proc.TryRead("personality"u8, context.Text) ? ProcValues.ParsePersonality(context.Text) : 0;
        return () =>
        {
            task.Core.Tc.Personality = personality;
            task.Core.Tc.ChildSubreaper = subreaper.Value != 0;
            task.Mm.Dumpable = (int)dumpable.Value;
            task.Mm.ThpDisabled = hugePages.Value > 0;
            if (hugePages.Value > Disabled)
                context.Log.LogWarning("{Task} has huge pages disabled except where advised (PR_THP_DISABLE_EXCEPT_ADVISED); the images have no field for the exception, so a restore disables them everywhere", task);
        };
    }

    /// <summary>Behind the credentials of the leader: changing ids resets dumpable, and the value 2 cannot be set, only got that way.</summary>
    public void Restore(RestoreTask task, BatchStream stream)
    {
        var batch = stream.Room(4);
        if (task.Core.Tc.ChildSubreaper)
            batch.Call(Nr.prctl, Prctl.PR_SET_CHILD_SUBREAPER, 1L);
        if (task.Mm.ThpDisabled)
            batch.Call(Nr.prctl, Prctl.PR_SET_THP_DISABLE, 1L, 0L, 0L, 0L);
        if (task.Core.Tc.Personality != 0)
            batch.Call(Nr.personality, task.Core.Tc.Personality);
        if (!task.Mm.HasDumpable || task.Mm.Dumpable != 2)
            batch.Call(Nr.prctl, Prctl.PR_SET_DUMPABLE, task.Mm.HasDumpable ? task.Mm.Dumpable : 1L);
    }
}

/// <summary>membarrier(2): the registrations that a process has made.</summary>
internal sealed class MembarrierRegistrations : ITaskKind
{
    public RestoreStage Stage => RestoreStage.Threads;

    public Action Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        var registrations = stream.Room(1).Try(Nr.membarrier, Membarrier.GET_REGISTRATIONS, 0L, 0L);     // EINVAL before 6.3
        return () =>
        {
            if (registrations.Value > 0)
                task.Core.Tc.MembarrierRegistrationMask = (uint)registrations.Value;
        };
    }

    public void Restore(RestoreTask task, BatchStream stream)
    {
        uint mask = task.Core.Tc.MembarrierRegistrationMask;
        for (int bit = 0; mask >> bit != 0; bit++)
            if ((mask >> bit & 1) != 0)
                stream.Room(1).Call(Nr.membarrier, 1L << bit, 0L, 0L);
    }
}

/// <summary>What is read and written as a file of /proc/P: oom_score_adj and loginuid.</summary>
internal sealed class ProcFileValues : ITaskKind
{
    public RestoreStage Stage => RestoreStage.Processes;

    public Action? Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        if (task.Proc.TryRead("loginuid"u8, context.Text))
            task.Core.Tc.Loginuid = ProcValues.ParseLoginUid(context.Text);
        if (task.Proc.TryRead("oom_score_adj"u8, context.Text))
            task.Core.Tc.OomScoreAdj = ProcValues.ParseOomScoreAdjustment(context.Text);
        return null;
    }

    /// <summary>Written by the process itself while it has its privileges, and sees /proc: behind a chroot there may be none. What is right already is left.</summary>
    public void Restore(RestoreTask task, BatchStream stream)
    {
        if (task.Core.Tc.HasOomScoreAdj && task.Core.Tc.OomScoreAdj != task.Context.OwnOomScoreAdjustment)
            Write(stream, "/proc/self/oom_score_adj", task.Core.Tc.OomScoreAdj.ToString(CultureInfo.InvariantCulture));
        if (task.Core.Tc.HasLoginuid && task.Core.Tc.Loginuid != task.Context.OwnLoginUid)
            Write(stream, "/proc/self/loginuid", task.Core.Tc.Loginuid.ToString(CultureInfo.InvariantCulture));
    }

    private static void Write(BatchStream stream, string path, string value)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(value);
        var batch = stream.Room(3, path.Length + bytes.Length + 32);
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text(path), Fcntl.O_WRONLY);
        batch.Call(Nr.write, fd, batch.Bytes(bytes), bytes.Length);
        batch.Call(Nr.close, fd);
    }
}
