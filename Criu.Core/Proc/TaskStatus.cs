// System.Threading.Tasks, imported everywhere, has one too; in this assembly it is always ours.
global using TaskStatus = Criu.Core.Proc.TaskStatus;

namespace Criu.Core.Proc;

/// <summary>
/// proc_pid_status(5), of a process or of a thread: the lines that matter to us, found by name, in whatever order. What a zombie lacks
/// (umask, memory) is null or 0.
/// </summary>
internal sealed partial record TaskStatus
{
    private static readonly int[] Nobody = [];

    // One bit for each line that every kernel shows for every task: a text without them is no status file, or was cut off.
    private Required seen;

    [Flags]
    private enum Required
    {
        State = 1, Tgid = 2, Pid = 4, PPid = 8, Uid = 16, Gid = 32, Threads = 64, SigBlk = 128, CapBnd = 256,
        All = 511,
    }

    private TaskStatus()
    {
    }

    /// <summary>R, S, D, Z, T (stopped), t (traced), X, I ...</summary>
    public char State { get; private set; }

    public bool IsZombie => State == 'Z';

    /// <summary>null for a zombie.</summary>
    public int? Umask { get; private set; }

    /// <summary>Slots of the descriptor table, not descriptors.</summary>
    public int FdTableSize { get; private set; }

    public int ThreadCount { get; private set; }

    public bool IsKernelThread { get; private set; }

    public bool IsDumpingCore { get; private set; }

    public bool HasNoNewPrivileges { get; private set; }

    /// <summary>SECCOMP_MODE_*: 0 none, 1 strict, 2 filter.</summary>
    public int Seccomp { get; private set; }

    public int SeccompFilters { get; private set; }

    /// <summary>CET shadow stacks are on for this thread (x86_Thread_features: shstk).</summary>
    public bool HasShadowStack { get; private set; }

    public static TaskStatus Parse(ProcText text)
    {
        var status = new TaskStatus();
        var lines = text.Lines();
        while (lines.TryNext(out var line))
        {
            var key = line.TakeUntil(':');
            line.SkipSpaces();
            _ = status.TakeIdentity(key, ref line) || status.TakeCredentials(key, ref line) || status.TakeSignals(key, ref line)
                || status.TakeMemory(key, ref line) || status.TakeState(key, ref line);
        }
        if (status.seen != Required.All)
            throw new ProcFormatException(text.File, lines.Number, $"missing {Required.All & ~status.seen}");
        return status;
    }

    private bool TakeState(ReadOnlySpan<byte> key, ref ProcCursor value)
    {
        if (key.SequenceEqual("State"u8))
            State = (char)See(Required.State, value.TakeByte());
        else if (key.SequenceEqual("Umask"u8))
            Umask = (int)value.TakeOctal();
        else if (key.SequenceEqual("FDSize"u8))
            FdTableSize = value.TakeInt32();
        else if (key.SequenceEqual("Threads"u8))
            ThreadCount = See(Required.Threads, value.TakeInt32());
        else if (key.SequenceEqual("Kthread"u8))
            IsKernelThread = value.TakeInt32() != 0;
        else if (key.SequenceEqual("CoreDumping"u8))
            IsDumpingCore = value.TakeInt32() != 0;
        else if (key.SequenceEqual("NoNewPrivs"u8))
            HasNoNewPrivileges = value.TakeInt32() != 0;
        else if (key.SequenceEqual("Seccomp"u8))
            Seccomp = value.TakeInt32();
        else if (key.SequenceEqual("Seccomp_filters"u8))
            SeccompFilters = value.TakeInt32();
        else if (key.SequenceEqual("x86_Thread_features"u8))
            HasShadowStack = value.Rest.IndexOf("shstk"u8) >= 0;
        else
            return false;
        return true;
    }

    private T See<T>(Required line, T value)
    {
        seen |= line;
        return value;
    }
}
