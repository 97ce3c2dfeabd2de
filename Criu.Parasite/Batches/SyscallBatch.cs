using System.Runtime.CompilerServices;
using System.Text;
using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// System calls to be run one after another in another process, written where they will run: records grow up from the start of a space in the
/// arena, their data down from its end. One batch at a time lives in a space; results are read before the next is begun.
/// </summary>
public sealed class SyscallBatch
{
    private readonly Arena arena;
    private readonly BatchSpace space;
    private readonly int generation;
    private long dataStart;

    internal SyscallBatch(Arena arena, BatchSpace space)
    {
        (this.arena, this.space) = (arena, space);
        generation = ++space.Generation;
        dataStart = space.Start + space.Length;
    }

    /// <summary>Steps so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes still free for records (64 each) and data.</summary>
    public long Free => dataStart - space.Start - (long)Count * SyscallRecord.Size;

    internal Slot<SyscallRecord> Records => arena.At<SyscallRecord>(space.Start, Count);

    /// <summary>Where the next record will lie, in the runner's addresses.</summary>
    internal long NextRecord => arena.At<SyscallRecord>(space.Start + (long)Count * SyscallRecord.Size).Remote;

    /// <summary>A call that must succeed: the batch ends there otherwise, and running it throws.</summary>
    public StepResult Call(Syscall call, params ReadOnlySpan<Argument> arguments) => Add(new SyscallRecord((uint)call, SyscallRecord.StopOnError, arguments));

    /// <summary>A call whose error is for the caller to judge.</summary>
    public StepResult Try(Syscall call, params ReadOnlySpan<Argument> arguments) => Add(new SyscallRecord((uint)call, 0, arguments));

    internal StepResult Call(Nr nr, params ReadOnlySpan<Argument> arguments) => Add(new SyscallRecord(nr, SyscallRecord.StopOnError, arguments));

    internal StepResult Try(Nr nr, params ReadOnlySpan<Argument> arguments) => Add(new SyscallRecord(nr, 0, arguments));

    /// <summary>Stores a value at an address of the runner.</summary>
    public void Store64(long address, Argument value) => Add(new SyscallRecord(SyscallRecord.Store64, 0, address, value));

    /// <summary>Copies bytes between two addresses of the runner.</summary>
    public void Copy(long to, long from, long bytes) => Add(new SyscallRecord(SyscallRecord.Copy, 0, to, from, bytes));

    /// <summary>A call of which one argument (0 to 5) is a 32-bit integer that an earlier step stores at an address, such as one end of a pipe.</summary>
    public StepResult CallWith(Syscall call, int argument, long address, params ReadOnlySpan<Argument> arguments)
    {
        Copy(NextRecord + SyscallRecord.Size + RecordOffset.Arguments + argument * sizeof(long), address, sizeof(int));
        return Call(call, arguments);
    }

    /// <summary>Passes over the next <paramref name="records"/> steps when the masked 32 bits at an address of the runner have a value.</summary>
    public void SkipIf(int records, long address, int mask, int value) => Add(SyscallRecord.Jump(records + 1, address, mask, value));

    /// <summary>Room for a value, zeroed.</summary>
    public Slot<T> New<T>() where T : unmanaged => NewArray<T>(1);

    /// <summary>Room for values, zeroed.</summary>
    public Slot<T> NewArray<T>(int count) where T : unmanaged
    {
        long bytes = (long)count * Unsafe.SizeOf<T>();
        dataStart = (dataStart - bytes) & ~15;
        EnsureRoom();
        var slot = arena.At<T>(dataStart, count);
        slot.Span.Clear();
        return slot;
    }

    /// <summary>A value for a step to point at.</summary>
    public Slot<T> New<T>(T value) where T : unmanaged
    {
        var slot = New<T>();
        slot.Value = value;
        return slot;
    }

    /// <summary>Address in the runner of a text with its NUL, in UTF-8.</summary>
    public long Text(string text) => Bytes([.. Encoding.UTF8.GetBytes(text), 0]);

    /// <summary>Address in the runner of a copy of these bytes.</summary>
    public long Bytes(ReadOnlySpan<byte> bytes)
    {
        var slot = NewArray<byte>(bytes.Length);
        bytes.CopyTo(slot.Span);
        return slot.Remote;
    }

    /// <summary>Room for the answer of a call: its address goes into the record, the slot is read afterwards.</summary>
    public long Buffer(int bytes, out Slot<byte> slot)
    {
        slot = NewArray<byte>(bytes);
        return slot.Remote;
    }

    /// <summary>An iovec of the arena that points at a slot of the arena.</summary>
    internal Slot<IoVector> Vector<T>(Slot<T> slot) where T : unmanaged => New(new IoVector { Base = slot.Remote, Length = slot.Bytes });

    internal void AddAll(ReadOnlySpan<SyscallRecord> records)
    {
        foreach (var record in records)
            Add(record);
    }

    internal StepResult Add(SyscallRecord record)
    {
        int index = Count++;
        EnsureRoom();
        arena.At<SyscallRecord>(space.Start + (long)index * SyscallRecord.Size).Value = record;
        return new StepResult(this, index);
    }

    internal long ResultOf(int index)
    {
        if (generation != space.Generation)
            throw new InvalidOperationException("the result of a batch is read before the next batch is begun in the same space");
        return Records.Span[index].Result;
    }

    /// <summary>The text that an argument points at; null where it is none of this batch.</summary>
    internal string? TryReadText(long address)
    {
        long offset = address - arena.At<byte>(0).Remote;
        if (offset < dataStart || offset >= space.Start + space.Length)
            return null;
        var bytes = arena.At<byte>(offset, (int)Math.Min(space.Start + space.Length - offset, 4096)).Span;
        return bytes.IndexOf((byte)0) is >= 0 and var end ? Encoding.UTF8.GetString(bytes[..end]) : null;
    }

    internal long AddressOf(int index) => arena.At<SyscallRecord>(space.Start + (long)index * SyscallRecord.Size).Remote;

    private void EnsureRoom()
    {
        if (Free < 0)
            throw new ParasiteException($"a batch of {Count} records does not fit into {space.Length} bytes");
    }
}

/// <summary>Part of an arena that batches are written into, in bytes from the arena's start.</summary>
internal sealed class BatchSpace(long start, long length)
{
    public long Start => start;
    public long Length => length;

    /// <summary>Raised by every batch: tells results that were overwritten.</summary>
    public int Generation { get; set; }
}
