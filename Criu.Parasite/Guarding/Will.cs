using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// What the guard does when the engine is gone: records that grow downwards in the arena, newest block first.
///
///   control.Will ─► [block of target B][block of target A] … [pending seize][exit_group]
///
/// Two rules make it true at every instant. (1) Records are written first where nobody reads them. (2) They become the will by one store, and
/// that store is a step of the very batch that makes the change, before the change. A guard always finishes its batch, so will and state never
/// disagree. Every record must be harmless when its change was not made or is undone already.
///
/// A block begins with a jump over itself when its owner's Active word is 0, so that targets leave in any order. A seize under way lies at the very
/// bottom: it may have to wait for a thread that does not stop (a vfork parent), and nobody else shall wait with it.
/// </summary>
internal sealed class Will
{
    private const int PendingSpace = 4 << 20;           // bytes

    private readonly Arena arena;
    private readonly BatchChannel channel;
    private readonly Slot<int> pendingActive;
    private readonly long exitRecord, limit, pendingStart;
    private readonly List<Block> blocks = [];           // oldest first
    private long top;                                   // offset of the first record, written or already valid

    public Will(Arena arena, BatchChannel channel, long exitRecord, long capacity, Slot<int> pendingActive)
    {
        (this.arena, this.channel, this.exitRecord, this.pendingActive) = (arena, channel, exitRecord, pendingActive);
        limit = exitRecord - capacity;
        top = pendingStart = exitRecord - PendingSpace;
        arena.At<SyscallRecord>(pendingStart).Value = Jump(pendingStart, exitRecord, pendingActive, 0);
        channel.Control.Will = Address(top);
    }

    private long WillField => channel.ControlAddress + ControlOffset.Will;

    public bool IsEmpty => blocks.Count == 0;

    /// <summary>Writes one undo in the order in which it shall run, and lets <paramref name="change"/> make it valid.</summary>
    public void Push(SyscallBatch change, WillOwner owner, ReadOnlySpan<SyscallRecord> undo)
    {
        bool first = !blocks.Exists(b => b.Owner == owner);
        int count = undo.Length + 1 + (first ? 1 : 0);
        long start = top - (long)count * SyscallRecord.Size;
        if (start < limit)
            throw new ParasiteException("the guard's will is full: too many threads are held at once");
        var records = arena.At<SyscallRecord>(start, count).Span;
        records[0] = Jump(start, top, owner.Active, 0);
        undo.CopyTo(records[1..]);
        if (first)
            records[^1] = SyscallRecord.Store(owner.Active.Remote, 0);         // the oldest runs last: then all of it is undone
        change.Store64(owner.Active.Remote, 1);
        change.Store64(WillField, Address(start));
        blocks.Add(new Block(owner, start, count));
        top = start;
    }

    /// <summary>What shall happen at the very end while a seize is under way: it may wait.</summary>
    public void BeginPending(SyscallBatch change, ReadOnlySpan<SyscallRecord> undo)
    {
        var region = arena.At<SyscallRecord>(pendingStart + SyscallRecord.Size, PendingSpace / SyscallRecord.Size - 1).Span;
        if (undo.Length >= region.Length)
            throw new ParasiteException("too many threads in one round of seizing");
        undo.CopyTo(region);
        long end = pendingStart + (long)(undo.Length + 1) * SyscallRecord.Size;
        region[undo.Length] = Jump(end, exitRecord, pendingActive, 1);
        change.Store64(pendingActive.Remote, 1);
    }

    public void EndPending(SyscallBatch change) => change.Store64(pendingActive.Remote, 0);

    /// <summary>Runs what is pending now, as far as it does not wait.</summary>
    public void RunPending(int steps) => Run(pendingStart + SyscallRecord.Size, steps);

    /// <summary>Undoes all of one owner. Should the engine die in between it runs twice: that is harmless.</summary>
    public void Undo(WillOwner owner)
    {
        for (int i = blocks.Count - 1; i >= 0; i--)
        {
            if (blocks[i].Owner != owner)
                continue;
            int last = i;
            while (i > 0 && blocks[i - 1].Owner == owner)          // neighbours run in one batch
                i--;
            long end = blocks[i].Start + (long)blocks[i].Count * SyscallRecord.Size;
            Run(blocks[last].Start, (int)((end - blocks[last].Start) / SyscallRecord.Size));
        }
        Forget(owner);
    }

    /// <summary>Undoes everything, in one batch.</summary>
    public void UndoAll()
    {
        Run(top, (int)((pendingStart - top) / SyscallRecord.Size));
        foreach (var block in blocks)
            block.Owner.Active.Value = 0;
        DropInactive();
    }

    /// <summary>For an owner that is gone, or whose undo has run.</summary>
    public void Forget(WillOwner owner)
    {
        owner.Active.Value = 0;
        DropInactive();
    }

    private void DropInactive()
    {
        while (blocks.Count > 0 && blocks[^1].Owner.Active.Value == 0)
        {
            top += (long)blocks[^1].Count * SyscallRecord.Size;
            blocks.RemoveAt(blocks.Count - 1);
        }
        Volatile.Write(ref channel.Control.Will, Address(top));
    }

    private void Run(long start, int count)
    {
        channel.Start(Address(start), count);
        channel.Finish();
    }

    private static SyscallRecord Jump(long from, long to, Slot<int> word, int value) =>
        SyscallRecord.Jump((int)((to - from) / SyscallRecord.Size), word.Remote, -1, value);

    private long Address(long offset) => arena.At<byte>(offset).Remote;

    private readonly record struct Block(WillOwner Owner, long Start, int Count);
}

/// <summary>Whose undo it is: a process that is held. Its word is 1 from the first change to the last undo.</summary>
internal sealed class WillOwner(Slot<int> active)
{
    public Slot<int> Active => active;
}
