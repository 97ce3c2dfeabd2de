namespace Criu.Core.Programs;

/// <summary>A program to start.</summary>
public sealed record ProgramStart
{
    /// <summary>The file; one without a slash is looked for in PATH.</summary>
    public required string Path { get; init; }

    /// <summary>All arguments, the program's own name first.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>What differs from our own environment; null takes a variable away.</summary>
    public IReadOnlyList<(string Name, string? Value)> Environment { get; init; } = [];

    /// <summary>Where it runs; null: where we do.</summary>
    public string? Directory { get; init; }

    /// <summary>Descriptor that becomes its standard input; -1: /dev/null.</summary>
    public int Input { get; init; } = -1;

    /// <summary>Descriptor that becomes its standard output and error.</summary>
    public int Output { get; init; } = 2;

    /// <summary>Whether it leads a session of its own, without a terminal.</summary>
    public bool OwnSession { get; init; }

    /// <summary>Other descriptors that keep their numbers. Nothing else is inherited.</summary>
    public IReadOnlyList<int> Keep { get; init; } = [];
}

/// <summary>How a program ended, as waitid(2) tells it.</summary>
/// <param name="Code">si_code: CLD_EXITED, CLD_KILLED or CLD_DUMPED.</param>
/// <param name="Status">si_status: its exit status, or the signal.</param>
public readonly record struct ProgramEnd(int Code, int Status)
{
    private const int CLD_EXITED = 1, CLD_DUMPED = 3;

    /// <summary>It exited with 0.</summary>
    public bool Succeeded => Code == CLD_EXITED && Status == 0;

    /// <summary>The same as wait(2) tells it.</summary>
    internal int WaitStatus => Code switch
    {
        CLD_EXITED => Status << 8,
        CLD_DUMPED => Status | 0x80,
        _ => Status,
    };

    /// <summary>The exit status, or 128 + signal as a shell has it.</summary>
    public int ShellStatus => Code == CLD_EXITED ? Status : 128 + Status;

    /// <summary>The rest of a sentence: exited with 3.</summary>
    public override string ToString() => Code == CLD_EXITED ? $"exited with {Status}" : $"was ended by signal {Status}";
}
