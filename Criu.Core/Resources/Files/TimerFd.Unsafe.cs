using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// timerfd_create(2): a clock, the time left, the interval, the expirations that nobody has read. The image holds the time left, also for an absolute timer: that one
/// is set to the present time of its clock and so much more.
/// </summary>
internal sealed unsafe class TimerFd : IFileKind
{
    public FdTypes Type => FdTypes.Timerfd;

    public bool Matches(OpenFile file) => file.Link.Is("anon_inode:[timerfd]"u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        var timer = Read(file, context);
        return new FileEntry
        {
            Type = FdTypes.Timerfd,
            Id = id,
            Tfd = new TimerfdEntry
            {
                Id = id, Flags = file.Flags, Fown = file.ReadOwner(), Clockid = (uint)timer.Clock, Ticks = timer.Ticks, SettimeFlags = (uint)timer.SetTimeFlags,
                Vsec = (ulong)timer.Value.Seconds, Vnsec = (ulong)timer.Value.Nanoseconds, Isec = (ulong)timer.Interval.Seconds, Insec = (ulong)timer.Interval.Nanoseconds,
            },
        };
    }

    /// <summary>
    /// A periodic timer that has fired stands still until somebody reads it, or asks for its time: only then does the kernel count the intervals that passed and arm it
    /// again, as if it had run all the time. So its time is asked for first. An interval that is shorter than this takes is due after one more.
    /// </summary>
    private static TimerFdInfo Read(OpenFile file, DumpContext context)
    {
        using var fetched = file.Fetch();
        IntervalTimerSpec left;
        var timer = new TimerFdInfo();
        for (int attempt = 0; attempt < 3; attempt++)
        {
            long asked = Kernel.Call(Nr.timerfd_gettime, fetched.Fd(), (long)(&left));
            if (Kernel.Failed(asked) || !file.Holder.Proc.TryRead(ProcName.Of("fdinfo"u8, file.Fd), context.Text))
                throw new CheckpointException($"the time of {file} cannot be read: {(Kernel.Failed(asked) ? Errno.Name(asked) : "it is gone")}");
            timer = FdInfo.Parse(context.Text).Timer ?? throw context.Refuse(file.Task, $"the kernel does not tell the state of {file}");
            if (!HasStopped(timer.Value, timer.Interval, timer.Ticks))
                return timer;
        }
        return timer with { Value = timer.Interval };
    }

    private static bool HasStopped(TimerSpan value, TimerSpan interval, ulong ticks) => value == default && interval != default && ticks != 0;

    /// <summary>Setting the time forgets the expirations: they come last.</summary>
    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Tfd;
        var batch = making.Stream.Room(8, 64);
        var fd = batch.Call(Nr.timerfd_create, entry.Clockid, 0L);
        var time = TimeOf(entry);
        if (entry.SettimeFlags != 0 || time.ValueSeconds != 0 || time.ValueNanoseconds != 0 || time.IntervalSeconds != 0 || time.IntervalNanoseconds != 0)
            batch.Call(Nr.timerfd_settime, fd, entry.SettimeFlags, batch.New(time).Remote, 0L);
        if (entry.Ticks != 0)
            batch.Call(Nr.ioctl, fd, TimerFds.IOC_SET_TICKS, batch.New(entry.Ticks).Remote);
        batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Flags & ~(uint)Fcntl.O_ACCMODE);
        making.Place(batch, entry.Id, fd, entry.Fown);
    }

    private static IntervalTimerSpec TimeOf(TimerfdEntry entry)
    {
        var value = new TimerSpan((long)entry.Vsec, (long)entry.Vnsec);
        var interval = new TimerSpan((long)entry.Isec, (long)entry.Insec);
        if (HasStopped(value, interval, entry.Ticks))       // CRIU does not ask for the time first
            value = interval;
        if ((entry.SettimeFlags & TimerFds.TIMER_ABSTIME) != 0 && value != default)
            value = After(Now((int)entry.Clockid), value);
        return new IntervalTimerSpec
        {
            ValueSeconds = value.Seconds, ValueNanoseconds = value.Nanoseconds, IntervalSeconds = interval.Seconds, IntervalNanoseconds = interval.Nanoseconds,
        };
    }

    private static TimerSpan After(TimerSpan now, TimerSpan left)
    {
        const long Second = 1_000_000_000;              // ns
        long nanoseconds = now.Nanoseconds + left.Nanoseconds;
        return new TimerSpan(now.Seconds + left.Seconds + nanoseconds / Second, nanoseconds % Second);
    }

    private static TimerSpan Now(int clock)
    {
        TimerSpan now;
        long result = Kernel.Call(Nr.clock_gettime, clock, (long)(&now));
        return Kernel.Failed(result) ? throw new CheckpointException($"the clock {clock} of a timerfd cannot be read: {Errno.Name(result)}") : now;
    }
}
