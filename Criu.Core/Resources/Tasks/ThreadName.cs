using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>comm: up to 15 bytes of anything but NUL.</summary>
internal sealed class ThreadName : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Threads;

    public Action? Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        // The file rather than the stat line: it is the one that is not cut or escaped.
        var name = thread.Proc.TryRead("comm"u8, context.Text) ? ProcValues.ParseComm(context.Text) : thread.Stat.Comm;
        thread.Core.ThreadCore.Comm = ByteString.CopyFrom(name.Span);
        if (thread.IsLeader)
            thread.Core.Tc.Comm = thread.Core.ThreadCore.Comm;
        return null;
    }

    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        var name = core.ThreadCore.HasComm ? core.ThreadCore.Comm : core.Tc?.Comm;
        if (name == null)
            return;
        var batch = stream.Room(1, name.Length + 1);
        batch.Call(Nr.prctl, Prctl.PR_SET_NAME, batch.Bytes([.. name.Span, 0]));
    }
}

/// <summary>Scheduling policy, priority and nice value: sched(7).</summary>
internal sealed class Scheduling : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Threads;

    public Action? Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        var core = thread.Core.ThreadCore;
        if (thread.Stat.Policy == Sched.SCHED_DEADLINE)
            throw context.Refuse(thread.Task, $"thread {thread.Tid} runs under SCHED_DEADLINE");
        long policy = Kernel.Call(Nr.sched_getscheduler, thread.Tid);           // with SCHED_RESET_ON_FORK, which /proc does not show
        (core.SchedNice, core.SchedPolicy) = (thread.Stat.Nice, Kernel.Failed(policy) ? thread.Stat.Policy : (uint)policy);
        if (thread.Stat.Policy is Sched.SCHED_FIFO or Sched.SCHED_RR)
            core.SchedPrio = thread.Stat.RealTimePriority;
        return null;
    }

    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        var thread = core.ThreadCore;
        var batch = stream.Room(2, sizeof(int));
        if (thread.SchedPolicy is not Sched.SCHED_NORMAL)
            batch.Call(Nr.sched_setscheduler, 0L, thread.SchedPolicy, batch.New((int)thread.SchedPrio).Remote);
        if (thread.SchedNice != 0)
            batch.Call(Nr.setpriority, 0L, 0L, thread.SchedNice);
    }
}
