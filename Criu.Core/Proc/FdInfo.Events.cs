namespace Criu.Core.Proc;

/// <summary>eventfd, epoll, signalfd.</summary>
internal sealed partial record FdInfo
{
    /// <summary>An eventfd: its counter.</summary>
    public ulong? EventCount { get; private set; }

    /// <summary>EFD_SEMAPHORE; since 6.5, null before.</summary>
    public bool? IsEventSemaphore { get; private set; }

    /// <summary>An epoll: what it watches. Empty for one that watches nothing, as for whatever is no epoll.</summary>
    public IReadOnlyList<EpollTarget> EpollTargets { get; private set; } = [];

    /// <summary>A signalfd: bit n-1 is signal n.</summary>
    public ulong? SignalMask { get; private set; }

    private bool TakeEvents(ref ProcCursor line)
    {
        if (line.TryTake("tfd:"u8))
            EpollTargets = Append(EpollTargets, EpollTarget.Take(ref line));
        else if (line.TryTake("eventfd-count:"u8))
        {
            line.SkipSpaces();
            EventCount = line.TakeHex();
        }
        else if (line.TryTake("eventfd-semaphore: "u8))
            IsEventSemaphore = line.TakeInt32() != 0;
        else if (line.TryTake("sigmask:\t"u8))
            SignalMask = line.TakeHex();
        else
            return false;
        return true;
    }
}

/// <summary>
/// One line of an epoll's fdinfo. The number is what it was at EPOLL_CTL_ADD: it may be closed, or be another file by now; only
/// KCMP_EPOLL_TFD knows.
/// </summary>
/// <param name="Fd">Number at the time it was added.</param>
/// <param name="Events">EPOLL*.</param>
/// <param name="Data">The caller's epoll_data.</param>
/// <param name="Position">Offset of the watched file, bytes.</param>
/// <param name="Inode">Of the watched file.</param>
/// <param name="Device">Of the watched file, in the kernel's form.</param>
internal readonly record struct EpollTarget(int Fd, uint Events, ulong Data, long Position, ulong Inode, ulong Device)
{
    // tfd:        4 events: c0000019 data: deadbeefcafe1234  pos:0 ino:40e sdev:10
    internal static EpollTarget Take(ref ProcCursor line)
    {
        line.SkipSpaces();
        int fd = line.TakeInt32();
        After(ref line, "events:"u8);
        uint events = line.TakeHex32();
        After(ref line, "data:"u8);
        ulong data = line.TakeHex();
        After(ref line, "pos:"u8);
        long position = line.TakeSigned();
        After(ref line, "ino:"u8);
        ulong inode = line.TakeHex();
        After(ref line, "sdev:"u8);
        return new(fd, events, data, position, inode, line.TakeHex());
    }

    private static void After(ref ProcCursor line, ReadOnlySpan<byte> key)
    {
        line.SkipSpaces();
        line.Take(key);
        line.SkipSpaces();
    }
}
