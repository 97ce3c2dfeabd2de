namespace Criu.Core.Proc;

/// <summary>One timer of timer_create(2), from proc_pid_timers(5). What it has left only the task itself can ask.</summary>
/// <param name="Id">timer_t of the kernel.</param>
/// <param name="Signal">sigev_signo; 0 where none is sent.</param>
/// <param name="Value">sigev_value, as a pointer.</param>
/// <param name="Notify">signal, none or thread.</param>
/// <param name="IsToThread">SIGEV_THREAD_ID: <paramref name="Pid"/> is a thread.</param>
/// <param name="Pid">Whom it signals, as seen from this procfs.</param>
/// <param name="Clock">CLOCK_*; negative for CPU time clocks.</param>
internal readonly record struct ProcTimer(int Id, int Signal, ulong Value, TimerNotify Notify, bool IsToThread, int Pid, int Clock)
{
    /// <summary>Newest first. Needs no privilege, and is there since 3.10 (CONFIG_CHECKPOINT_RESTORE).</summary>
    public static List<ProcTimer> ParseAll(ProcText text)
    {
        var timers = new List<ProcTimer>();
        var lines = text.Lines();
        while (lines.TryNext(out var line))
            timers.Add(Take(ref line, ref lines, text));
        return timers;
    }

    // ID: 2
    // signal: 35/0000000000000055
    // notify: signal/tid.9732
    // ClockID: 0
    private static ProcTimer Take(ref ProcCursor line, scoped ref ProcLines lines, ProcText text)
    {
        line.Take("ID: "u8);
        int id = line.TakeInt32();
        line = Next(ref lines, text);
        line.Take("signal: "u8);
        int signal = line.TakeInt32();
        line.Take('/');
        ulong value = line.TakeHex();
        line = Next(ref lines, text);
        line.Take("notify: "u8);
        var notify = TakeNotify(ref line);
        bool toThread = line.TryTake("tid."u8);
        if (!toThread)
            line.Take("pid."u8);
        int pid = line.TakeInt32();
        line = Next(ref lines, text);
        line.Take("ClockID: "u8);
        return new(id, signal, value, notify, toThread, pid, line.TakeInt32());
    }

    private static TimerNotify TakeNotify(ref ProcCursor line) =>
        line.TryTake("signal/"u8) ? TimerNotify.Signal :
        line.TryTake("none/"u8) ? TimerNotify.None :
        line.TryTake("thread/"u8) ? TimerNotify.Thread : throw line.Bad("signal, none or thread");

    private static ProcCursor Next(scoped ref ProcLines lines, ProcText text) =>
        lines.TryNext(out var line) ? line : throw new ProcFormatException(text.File, lines.Number, "a timer is cut off");
}

/// <summary>SIGEV_*, with their numbers.</summary>
internal enum TimerNotify
{
    Signal = 0, None = 1, Thread = 2,
}
