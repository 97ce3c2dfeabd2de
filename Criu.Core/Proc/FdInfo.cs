namespace Criu.Core.Proc;

/// <summary>
/// proc_pid_fdinfo(5): the lines that every descriptor has, and those of its kind. Unknown lines are passed over: drivers add their own.
/// The ids of the kinds' lines are the kernel's, so look at the link <c>fd/N</c> first to know the kind.
/// </summary>
internal sealed partial record FdInfo
{
    private FdInfo()
    {
    }

    /// <summary>Offset, bytes.</summary>
    public long Position { get; private set; }

    /// <summary>O_* of open(2), with O_CLOEXEC, which belongs to the descriptor and not to the description.</summary>
    public int Flags { get; private set; }

    /// <summary>First number of a line of mountinfo; kernel-internal mounts are in none.</summary>
    public int MountId { get; private set; }

    /// <summary>Since 5.14; null before.</summary>
    public ulong? Inode { get; private set; }

    /// <summary>File locks held through this description or, for POSIX ones, by this process on this file.</summary>
    public IReadOnlyList<FileLock> Locks { get; private set; } = [];

    public bool HasLocks => Locks.Count > 0;

    public static FdInfo Parse(ProcText text)
    {
        var info = new FdInfo();
        var lines = text.Lines();
        info.Position = Header(ref lines, text, "pos:\t"u8).TakeSigned();
        info.Flags = (int)Header(ref lines, text, "flags:\t"u8).TakeOctal();
        info.MountId = Header(ref lines, text, "mnt_id:\t"u8).TakeInt32();
        while (lines.TryNext(out var line))
            info.TakeLine(ref line);
        return info;
    }

    // The first three lines are always these, in this order.
    private static ProcCursor Header(ref ProcLines lines, ProcText text, ReadOnlySpan<byte> key)
    {
        if (!lines.TryNext(out var line))
            throw new ProcFormatException(text.File, lines.Number, "the file ends before pos, flags and mnt_id");
        line.Take(key);
        return line;
    }

    private void TakeLine(ref ProcCursor line)
    {
        if (line.TryTake("ino:\t"u8))
            Inode = line.TakeDecimal();
        else if (line.TryTake("lock:\t"u8))
            Locks = Append(Locks, FileLock.Take(ref line));
        else
            _ = TakeEvents(ref line) || TakeTimer(ref line) || TakeNotify(ref line) || TakeOther(ref line);
    }

    private bool TakeOther(ref ProcCursor line)
    {
        if (line.TryTake("Pid:\t"u8))
            PidfdTarget = line.TakeInt32();
        else if (line.TryTake("tty-index:\t"u8))
            TtyIndex = line.TakeInt32();
        else if (line.TryTake("scm_fds: "u8))
            QueuedDescriptors = line.TakeInt32();
        else
            return false;
        return true;
    }

    /// <summary>A pidfd: the pid as seen from this procfs, -1 when the process is gone, 0 when it is not in this namespace.</summary>
    public int? PidfdTarget { get; private set; }

    /// <summary>A pty master: N of /dev/pts/N.</summary>
    public int? TtyIndex { get; private set; }

    /// <summary>A unix socket: descriptors that wait in it, SCM_RIGHTS of unix(7); since 5.7, 0 before and for whatever is none.</summary>
    public int QueuedDescriptors { get; private set; }

    private static List<T> Append<T>(IReadOnlyList<T> list, T item)
    {
        var grown = list as List<T> ?? [];
        grown.Add(item);
        return grown;
    }
}
