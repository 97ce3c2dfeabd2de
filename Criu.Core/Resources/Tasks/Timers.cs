using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>The three interval timers: getitimer(2).</summary>
internal sealed class IntervalTimers : ITaskKind, ILateTaskKind
{
    private const int Real = 0, Virtual = 1, Profiling = 2, Alarm = 14;

    public RestoreStage Stage => RestoreStage.Last;

    public Action Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(3, 3 * 32);
        var timers = batch.NewArray<IntervalTimer>(3);
        for (int which = Real; which <= Profiling; which++)
            batch.Call(Nr.getitimer, which, timers.Remote + which * 32);
        return () =>
        {
            var all = task.Core.Tc.Timers ??= new TaskTimersEntry();
            (all.Real, all.Virt, all.Prof) = (ToEntry(timers.Span[Real]), ToEntry(timers.Span[Virtual]), ToEntry(timers.Span[Profiling]));
        };
    }

    /// <summary>A timer that fired since it was asked is asked for again, so to speak: its signal is in the images already.</summary>
    public void Collect(DumpTask task, TaskStatus now)
    {
        const int FromKernel = 0x80;                    // SI_KERNEL
        var real = task.Core.Tc.Timers.Real;
        if (SignalQueue.HasCome(task, Alarm, FromKernel))
            (real.Vsec, real.Vusec) = (0, 0);
        Continue(real);
    }

    /// <summary>
    /// A timer whose signal waits stands still until the signal is taken: it shows no time left, and its interval still. One that is disarmed has lost its interval
    /// (do_setitimer).
    /// </summary>
    private static void Continue(ItimerEntry real)
    {
        if (real is { Vsec: 0, Vusec: 0 })
            (real.Vsec, real.Vusec) = (real.Isec, real.Iusec);
    }

    private static ItimerEntry ToEntry(IntervalTimer timer) => new()
    {
        Isec = (ulong)timer.IntervalSeconds, Iusec = (ulong)timer.IntervalMicroseconds, Vsec = (ulong)timer.ValueSeconds, Vusec = (ulong)timer.ValueMicroseconds,
    };

    public void Restore(RestoreTask task, BatchStream stream)
    {
        if (task.Core.Tc.Timers is not { } timers)
            return;
        Continue(timers.Real);                          // images of CRIU, where the signal itself may be lost
        var batch = stream.Room(3, 3 * 48);
        Arm(batch, Real, timers.Real);
        Arm(batch, Virtual, timers.Virt);
        Arm(batch, Profiling, timers.Prof);
    }

    private static void Arm(SyscallBatch batch, int which, ItimerEntry timer)
    {
        if (timer is { Vsec: 0, Vusec: 0 })
            return;
        var value = new IntervalTimer
        {
            IntervalSeconds = (long)timer.Isec, IntervalMicroseconds = (long)timer.Iusec, ValueSeconds = (long)timer.Vsec, ValueMicroseconds = (long)timer.Vusec,
        };
        batch.Call(Nr.setitimer, which, batch.New(value).Remote, 0L);
    }
}

/// <summary>timer_create(2): what they are stands in /proc/P/timers, what is left on them only the process can tell.</summary>
internal sealed class PosixTimers : ITaskKind, ILateTaskKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action? Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        if (!task.Proc.TryRead("timers"u8, context.Text) || context.Text.Length == 0)
            return null;
        var timers = ProcTimer.ParseAll(context.Text);
        timers.Sort((a, b) => a.Id.CompareTo(b.Id));
        var all = task.Core.Tc.Timers ??= new TaskTimersEntry();
        foreach (var timer in timers)
            AskOne(timer, stream, all);
        return null;
    }

    /// <summary>There may be more than one batch has room for: each is read when the batch of its own has run.</summary>
    private static void AskOne(ProcTimer timer, BatchStream stream, TaskTimersEntry all)
    {
        var batch = stream.Room(2, 32);
        var value = batch.New<IntervalTimerSpec>();
        batch.Call(Nr.timer_gettime, timer.Id, value.Remote);
        var overrun = batch.Call(Nr.timer_getoverrun, timer.Id);
        stream.AfterRun(() => all.Posix.Add(ToEntry(timer, value.Value, overrun.Value)));
    }

    /// <summary>One without an interval that fired since it was asked is no longer armed.</summary>
    public void Collect(DumpTask task, TaskStatus now)
    {
        const int FromTimer = -2;                       // SI_TIMER
        foreach (var timer in task.Core.Tc.Timers.Posix)
            if (timer is { Isec: 0, Insec: 0 } && SignalQueue.HasCome(task, (int)timer.SiSigno, FromTimer, (int)timer.ItId))
                (timer.Vsec, timer.Vnsec) = (0, 0);
    }

    private static PosixTimerEntry ToEntry(ProcTimer timer, IntervalTimerSpec value, long overrun)
    {
        const int ToThread = 4;                         // SIGEV_THREAD_ID
        var entry = new PosixTimerEntry
        {
            ItId = (uint)timer.Id, ClockId = (uint)timer.Clock, SiSigno = (uint)timer.Signal, SivalPtr = timer.Value,
            ItSigevNotify = (uint)timer.Notify | (timer.IsToThread ? ToThread : 0u),
            Overrun = (uint)overrun, Isec = (ulong)value.IntervalSeconds, Insec = (ulong)value.IntervalNanoseconds,
            Vsec = (ulong)value.ValueSeconds, Vnsec = (ulong)value.ValueNanoseconds,
        };
        if (timer.IsToThread)
            entry.NotifyThreadId = timer.Pid;
        return entry;
    }

    /// <summary>
    /// Ids are wanted exactly. Since 6.15 PR_TIMER_CREATE_RESTORE_IDS takes them; before, the kernel counts up, so timers are made and deleted until the count is there.
    /// </summary>
    public void Restore(RestoreTask task, BatchStream stream)
    {
        var timers = task.Core.Tc.Timers?.Posix;
        if (timers is not { Count: > 0 })
            return;
        stream.Room(1).Call(Nr.prctl, Prctl.PR_TIMER_CREATE_RESTORE_IDS, 1L, 0L, 0L, 0L);
        foreach (var timer in timers)
            Create(stream.Room(2, 160), timer);
        stream.Room(1).Call(Nr.prctl, Prctl.PR_TIMER_CREATE_RESTORE_IDS, 0L, 0L, 0L, 0L);
    }

    private static void Create(SyscallBatch batch, PosixTimerEntry timer)
    {
        var id = batch.New((int)timer.ItId);
        batch.Call(Nr.timer_create, (int)timer.ClockId, batch.New(new SignalEvent
        {
            Value = (long)timer.SivalPtr, Signal = (int)timer.SiSigno, Notify = (int)timer.ItSigevNotify, ThreadId = timer.NotifyThreadId,
        }).Remote, id.Remote);
        if (timer is { Vsec: 0, Vnsec: 0 })
            return;
        var value = new IntervalTimerSpec
        {
            IntervalSeconds = (long)timer.Isec, IntervalNanoseconds = (long)timer.Insec, ValueSeconds = (long)timer.Vsec, ValueNanoseconds = (long)timer.Vnsec,
        };
        batch.Call(Nr.timer_settime, timer.ItId, 0L, batch.New(value).Remote, 0L);
    }
}
