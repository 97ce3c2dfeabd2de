using Linux.Abi;

namespace Criu.Parasite;

/// <summary>An argument of a step: a value, or the result of an earlier step of the same batch.</summary>
public readonly record struct Argument
{
    private Argument(long value, int from) => (Value, From) = (value, from);

    internal long Value { get; }

    /// <summary>Index of the record whose result is taken; -1 for a value.</summary>
    internal int From { get; }

    /// <summary>A value.</summary>
    public static implicit operator Argument(long value) => new(value, -1);

    /// <summary>The result that an earlier step will have.</summary>
    public static implicit operator Argument(StepResult result) => new(0, result.Index);
}

/// <summary>The result of a step, readable once its batch has run and until the next batch is begun in the same space.</summary>
public readonly record struct StepResult
{
    private readonly SyscallBatch batch;

    internal StepResult(SyscallBatch batch, int index) => (this.batch, Index) = (batch, index);

    internal int Index { get; }

    /// <summary>What the call returned: a value, or -errno.</summary>
    public long Value => batch.ResultOf(Index);

    /// <summary>Where the runner stores it, in the runner's addresses: for copies within the batch.</summary>
    public long Remote => batch.AddressOf(Index) + RecordOffset.Result;

    /// <summary>Whether the call answered with an error.</summary>
    public bool Failed => Kernel.Failed(Value);
}
