namespace Criu.Core.Proc;

/// <summary>timerfd.</summary>
internal sealed partial record FdInfo
{
    /// <summary>A timerfd: its state; null for whatever is none.</summary>
    public TimerFdInfo? Timer { get; private set; }

    private bool TakeTimer(ref ProcCursor line)
    {
        if (line.TryTake("clockid: "u8))
            Timer = new() { Clock = line.TakeInt32() };
        else if (Timer == null)
            return false;
        else if (line.TryTake("ticks: "u8))
            Timer = Timer with { Ticks = line.TakeDecimal() };
        else if (line.TryTake("settime flags: "u8))
            Timer = Timer with { SetTimeFlags = (int)line.TakeOctal() };
        else if (line.TryTake("it_value: "u8))
            Timer = Timer with { Value = TimerSpan.Take(ref line) };
        else if (line.TryTake("it_interval: "u8))
            Timer = Timer with { Interval = TimerSpan.Take(ref line) };
        else
            return false;
        return true;
    }
}

/// <summary>State of a timerfd, timerfd_create(2).</summary>
internal sealed record TimerFdInfo
{
    /// <summary>CLOCK_*.</summary>
    public int Clock { get; init; }

    /// <summary>Expirations not read yet.</summary>
    public ulong Ticks { get; init; }

    /// <summary>TFD_TIMER_* of the last timerfd_settime.</summary>
    public int SetTimeFlags { get; init; }

    /// <summary>Time left, also for an absolute timer; zero when it is disarmed.</summary>
    public TimerSpan Value { get; init; }

    public TimerSpan Interval { get; init; }
}

/// <summary>struct timespec.</summary>
internal readonly record struct TimerSpan(long Seconds, long Nanoseconds)
{
    // (5, 6)
    internal static TimerSpan Take(ref ProcCursor line)
    {
        line.Take('(');
        long seconds = line.TakeSigned();
        line.Take(", "u8);
        long nanoseconds = line.TakeSigned();
        line.Take(')');
        return new(seconds, nanoseconds);
    }
}
