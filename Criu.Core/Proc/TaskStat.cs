namespace Criu.Core.Proc;

/// <summary>proc_pid_stat(5), of a process or of a thread. Addresses read 0 for who may not ptrace it, and for zombies.</summary>
internal sealed record TaskStat
{
    public required int Pid { get; init; }

    /// <summary>Raw: up to 15 bytes of anything but NUL, parentheses and newlines too (longer for kernel threads).</summary>
    public required KernelPath Comm { get; init; }

    /// <summary>R, S, D, Z, T (stopped), t (traced), X, I ...</summary>
    public required char State { get; init; }

    public required int ParentPid { get; init; }

    public required int ProcessGroup { get; init; }

    public required int Session { get; init; }

    /// <summary>tty_nr: device number of the controlling terminal as in stat(2), 0 for none.</summary>
    public required uint Tty { get; init; }

    /// <summary>Foreground process group of the terminal, -1 for none.</summary>
    public required int TerminalProcessGroup { get; init; }

    /// <summary>The kernel's PF_* bits.</summary>
    public required uint Flags { get; init; }

    public required int Nice { get; init; }

    public required int ThreadCount { get; init; }

    /// <summary>Clock ticks (1/100 s) since boot.</summary>
    public required ulong StartTime { get; init; }

    public required ulong StartCode { get; init; }

    public required ulong EndCode { get; init; }

    public required ulong StartStack { get; init; }

    /// <summary>Stack pointer; 0 unless the task is exiting.</summary>
    public required ulong StackPointer { get; init; }

    /// <summary>Instruction pointer; 0 unless the task is exiting.</summary>
    public required ulong InstructionPointer { get; init; }

    /// <summary>Signal sent to the parent at the end; -1 for a thread that is not the leader.</summary>
    public required int ExitSignal { get; init; }

    public required uint RealTimePriority { get; init; }

    /// <summary>SCHED_*.</summary>
    public required uint Policy { get; init; }

    public required ulong StartData { get; init; }

    public required ulong EndData { get; init; }

    public required ulong StartBrk { get; init; }

    public required ulong ArgStart { get; init; }

    public required ulong ArgEnd { get; init; }

    public required ulong EnvStart { get; init; }

    public required ulong EnvEnd { get; init; }

    /// <summary>As wait(2) gives it; of a zombie.</summary>
    public required int ExitCode { get; init; }

    public static TaskStat Parse(ProcText text)
    {
        var cursor = text.Whole();
        int pid = cursor.TakeInt32();
        cursor.Take(" ("u8);
        // Only numbers follow the name, so its end is the last parenthesis, whatever the name has.
        int end = cursor.Rest.LastIndexOf((byte)')');
        if (end < 0)
            throw cursor.Bad("')'");
        var comm = new KernelPath(cursor.TakeBytes(end));
        cursor.Take(") "u8);
        char state = (char)cursor.TakeByte();
        Span<ulong> fields = stackalloc ulong[Last + 1];
        for (int i = 4; i <= Last; i++)
            fields[i] = TakeField(ref cursor);
        return Make(pid, comm, state, fields);
    }

    private const int Last = 52;            // fields are numbered from 1, as in the man page

    // Some are signed, some are 64 bits without: two's complement holds both.
    private static ulong TakeField(ref ProcCursor cursor)
    {
        cursor.Take(' ');
        return cursor.Peek == '-' ? (ulong)cursor.TakeSigned() : cursor.TakeDecimal();
    }

    private static TaskStat Make(int pid, KernelPath comm, char state, ReadOnlySpan<ulong> fields) => new()
    {
        Pid = pid,
        Comm = comm,
        State = state,
        ParentPid = (int)fields[4],
        ProcessGroup = (int)fields[5],
        Session = (int)fields[6],
        Tty = (uint)fields[7],
        TerminalProcessGroup = (int)fields[8],
        Flags = (uint)fields[9],
        Nice = (int)fields[19],
        ThreadCount = (int)fields[20],
        StartTime = fields[22],
        StartCode = fields[26],
        EndCode = fields[27],
        StartStack = fields[28],
        StackPointer = fields[29],
        InstructionPointer = fields[30],
        ExitSignal = (int)fields[38],
        RealTimePriority = (uint)fields[40],
        Policy = (uint)fields[41],
        StartData = fields[45],
        EndData = fields[46],
        StartBrk = fields[47],
        ArgStart = fields[48],
        ArgEnd = fields[49],
        EnvStart = fields[50],
        EnvEnd = fields[51],
        ExitCode = (int)fields[52],
    };
}
