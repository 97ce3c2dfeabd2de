namespace Criu.Core.Proc;

/// <summary>FLOCK: flock(2). POSIX: fcntl(F_SETLK). OFDLCK: F_OFD_SETLK. LEASE: F_SETLEASE. DELEG: of the NFS server.</summary>
internal enum FileLockKind
{
    Other, Flock, Posix, OpenFileDescription, Lease, Delegation,
}

internal enum FileLockType
{
    None, Read, Write, Unlock,
}

/// <summary>A file lock, in the form of proc_locks(5): in fdinfo, and in /proc/locks.</summary>
internal sealed record FileLock
{
    public required FileLockKind Kind { get; init; }

    /// <summary>ADVISORY or MANDATORY; for a lease ACTIVE, BREAKING or BREAKER.</summary>
    public required string Mode { get; init; }

    public required FileLockType Type { get; init; }

    /// <summary>In /proc/locks: waits for the one before it.</summary>
    public required bool IsWaiting { get; init; }

    /// <summary>Who took it; -1 for OFD locks, 0 when not in this namespace.</summary>
    public required int Pid { get; init; }

    /// <summary>In the kernel's form.</summary>
    public required ulong Device { get; init; }

    public required ulong Inode { get; init; }

    /// <summary>First byte.</summary>
    public required long Start { get; init; }

    /// <summary>Last byte, inclusive; null up to the end of the file, however it grows.</summary>
    public required long? End { get; init; }

    // 2: POSIX  ADVISORY  WRITE 9732 fe:00:5324805 5 14
    // 3: OFDLCK ADVISORY  READ -1 fe:00:5324805 50 EOF
    // 1: -> FLOCK  ADVISORY  WRITE 9740 fe:00:5324805 0 EOF
    internal static FileLock Take(ref ProcCursor line)
    {
        line.TakeDecimal();
        line.Take(": "u8);
        line.SkipSpaces();                                  // waiters are indented by their depth
        bool waiting = line.TryTake("-> "u8);
        var kind = KindOf(TakeWord(ref line));
        string mode = System.Text.Encoding.ASCII.GetString(TakeWord(ref line));
        var type = TypeOf(TakeWord(ref line));
        int pid = line.TakeInt32();
        line.Take(' ');
        ulong device = TakeDevice(ref line, out ulong inode);
        line.Take(' ');
        long start = line.TakeSigned();
        line.Take(' ');
        long? end = line.TryTake("EOF"u8) ? null : line.TakeSigned();
        return new()
        {
            Kind = kind,
            Mode = mode,
            Type = type,
            IsWaiting = waiting,
            Pid = pid,
            Device = device,
            Inode = inode,
            Start = start,
            End = end,
        };
    }

    /// <summary>/proc/locks.</summary>
    public static List<FileLock> ParseAll(ProcText text)
    {
        var locks = new List<FileLock>();
        var lines = text.Lines();
        while (lines.TryNext(out var line))
            locks.Add(Take(ref line));
        return locks;
    }

    private static ReadOnlySpan<byte> TakeWord(ref ProcCursor line)
    {
        var word = line.TakeWord();
        line.SkipSpaces();
        return word;
    }

    private static ulong TakeDevice(ref ProcCursor line, out ulong inode)
    {
        ulong major = line.TakeHex();
        line.Take(':');
        ulong minor = line.TakeHex();
        line.Take(':');
        inode = line.TakeDecimal();
        return KernelDevice.Make(major, minor);
    }

    private static FileLockKind KindOf(ReadOnlySpan<byte> word) =>
        word.SequenceEqual("FLOCK"u8) ? FileLockKind.Flock :
        word.SequenceEqual("POSIX"u8) ? FileLockKind.Posix :
        word.SequenceEqual("OFDLCK"u8) ? FileLockKind.OpenFileDescription :
        word.SequenceEqual("LEASE"u8) ? FileLockKind.Lease :
        word.SequenceEqual("DELEG"u8) ? FileLockKind.Delegation : FileLockKind.Other;

    private static FileLockType TypeOf(ReadOnlySpan<byte> word) =>
        word.SequenceEqual("READ"u8) ? FileLockType.Read :
        word.SequenceEqual("WRITE"u8) ? FileLockType.Write :
        word.SequenceEqual("UNLCK"u8) ? FileLockType.Unlock : FileLockType.None;
}
