using Linux.Abi;

namespace Criu.Parasite;

/// <summary>
/// What the guard does to open files, should the engine end before it says otherwise: puts back options of sockets, say, which belong to the open file description and would
/// outlive the engine. It works on descriptors of its own. What was added last is done first, and before any process is let go.
/// </summary>
public sealed class Pledge
{
    private const int FilesInRound = 1000;

    private readonly Guard guard;

    internal Pledge(Guard guard) => (this.guard, Owner) = (guard, new WillOwner(guard.Keep<int>()));

    internal WillOwner Owner { get; }

    /// <summary>Copies descriptors of a process into the guard.</summary>
    /// <param name="pid">The process, one that the guard may trace.</param>
    /// <param name="descriptors">Numbers in that process.</param>
    /// <returns>Numbers in the guard, in the same order.</returns>
    /// <exception cref="ParasiteException">No such process or descriptor, no privilege, or the guard may have no more descriptors (RLIMIT_NOFILE).</exception>
    public int[] Fetch(int pid, IReadOnlyList<int> descriptors)
    {
        var copies = new int[descriptors.Count];
        for (int start = 0; start < copies.Length; start += FilesInRound)
        {
            int count = Math.Min(FilesInRound, copies.Length - start);
            var batch = guard.NewBatch();
            var process = batch.Call(Nr.pidfd_open, pid, 0);
            var results = new StepResult[count];
            for (int i = 0; i < count; i++)
                results[i] = batch.Call(Nr.pidfd_getfd, process, descriptors[start + i], 0);
            batch.Call(Nr.close, process);
            guard.Run(batch);
            for (int i = 0; i < count; i++)
                copies[start + i] = (int)results[i].Value;
        }
        return copies;
    }

    /// <summary>Adds calls, done in the order given. Each must be harmless where what it undoes was not done.</summary>
    /// <exception cref="ParasiteException">There is no room for so many.</exception>
    public void Add(IReadOnlyList<PledgedCall> calls)
    {
        var records = calls.SelectMany(call => call.ToRecords(guard)).ToArray();
        var batch = guard.NewBatch();
        guard.Will.Push(batch, Owner, records);
        guard.Run(batch);
    }

    /// <summary>A queue whose contents can only be taken out: see <see cref="Take"/>.</summary>
    /// <param name="from">Descriptor of the guard that is read; it must not wait.</param>
    /// <param name="back">Descriptor of the guard by which what was read is put back.</param>
    public PledgedQueue NewQueue(int from, int back) => new(guard, from, back);

    /// <summary>
    /// Reads queues until they are empty. Where a <see cref="PledgedCall.Return"/> of them was added, what they held is never the engine's alone: it is put back should the
    /// engine end before <see cref="PutBack"/>.
    /// </summary>
    /// <param name="first">What is done before, in the same batch.</param>
    /// <param name="queues">In this order.</param>
    public void Take(IReadOnlyList<PledgedCall> first, IReadOnlyList<PledgedQueue> queues)
    {
        var batch = guard.NewBatch();
        batch.AddAll(first.SelectMany(call => call.ToRecords(guard)).ToArray());
        foreach (var queue in queues)
            queue.AddReading(batch);
        guard.Run(batch);
    }

    /// <summary>Puts back by other calls what was taken out, and it is nobody's duty any more.</summary>
    /// <param name="calls">Done in one batch, whose end the engine's end does not prevent.</param>
    /// <param name="queues">What they put back.</param>
    /// <returns>What each call answers.</returns>
    public long[] PutBack(IReadOnlyList<PledgedCall> calls, IReadOnlyList<PledgedQueue> queues)
    {
        var batch = guard.NewBatch();
        var results = calls.Select(call => batch.Add(call.ToRecords(guard).Single())).ToList();
        foreach (var queue in queues)
            queue.AddForgetting(batch);
        guard.Run(batch);
        return [.. results.Select(result => result.Value)];
    }

    /// <summary>Nothing of it needs to be done any more.</summary>
    public void Drop() => guard.Will.Forget(Owner);
}

/// <summary>One call that the guard makes: of a <see cref="Pledge"/>, or as it lets a tree go.</summary>
public sealed class PledgedCall
{
    private readonly Func<Guard, SyscallRecord[]> records;

    private PledgedCall(Func<Guard, SyscallRecord> record) => records = guard => [record(guard)];

    private PledgedCall(PledgedQueue queue) => records = _ => queue.ToReturn();

    /// <summary>setsockopt(2) of an int.</summary>
    /// <param name="descriptor">Of the guard.</param>
    /// <param name="level">SOL_*, IPPROTO_*.</param>
    /// <param name="option">The option's number.</param>
    /// <param name="value">Its value.</param>
    public static PledgedCall SetOption(int descriptor, int level, int option, int value) =>
        new(guard => new SyscallRecord(Nr.setsockopt, 0, descriptor, level, option, guard.Keep(value).Remote, sizeof(int)));

    /// <summary>sendto(2) without an address.</summary>
    /// <param name="descriptor">Of the guard.</param>
    /// <param name="message">What is sent, in one piece.</param>
    public static PledgedCall Send(int descriptor, ReadOnlySpan<byte> message)
    {
        byte[] bytes = message.ToArray();
        return new(guard =>
        {
            var kept = guard.Keep<byte>(bytes.Length);
            bytes.CopyTo(kept.Span);
            return new SyscallRecord(Nr.sendto, 0, descriptor, kept.Remote, bytes.Length, Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL, 0, 0);
        });
    }

    /// <summary>ioctl(2) that reads a structure.</summary>
    /// <param name="descriptor">Of the guard.</param>
    /// <param name="request">Its number.</param>
    /// <param name="argument">The structure.</param>
    public static PledgedCall Ioctl(int descriptor, uint request, ReadOnlySpan<byte> argument)
    {
        byte[] bytes = argument.ToArray();
        return new(guard =>
        {
            var kept = guard.Keep<byte>(bytes.Length);
            bytes.CopyTo(kept.Span);
            return new SyscallRecord(Nr.ioctl, 0, descriptor, request, kept.Remote);
        });
    }

    /// <summary>close(2).</summary>
    /// <param name="descriptor">Of the guard.</param>
    public static PledgedCall Close(int descriptor) => new(_ => new SyscallRecord(Nr.close, 0, descriptor));

    /// <summary>write(2).</summary>
    /// <param name="descriptor">Of the guard; it must not wait.</param>
    /// <param name="content">What is written, in one piece.</param>
    public static PledgedCall Write(int descriptor, ReadOnlySpan<byte> content)
    {
        byte[] bytes = content.ToArray();
        return new(guard =>
        {
            var kept = guard.Keep<byte>(bytes.Length);
            bytes.CopyTo(kept.Span);
            return new SyscallRecord(Nr.write, 0, descriptor, kept.Remote, bytes.Length);
        });
    }

    /// <summary>Waits a little, for what the kernel does by itself.</summary>
    /// <param name="milliseconds">How long.</param>
    public static PledgedCall Pause(int milliseconds) => new(_ => new SyscallRecord(Nr.poll, 0, 0L, 0L, (long)milliseconds));

    /// <summary>fcntl(2), F_SETFL.</summary>
    /// <param name="descriptor">Of the guard.</param>
    /// <param name="flags">Of the open file description.</param>
    public static PledgedCall SetFlags(int descriptor, uint flags)
    {
        const int F_SETFL = 4;
        return new(_ => new SyscallRecord(Nr.fcntl, 0, descriptor, F_SETFL, (long)flags));
    }

    /// <summary>Writes what was taken out of a queue and not put back.</summary>
    /// <param name="queue">The queue.</param>
    public static PledgedCall Return(PledgedQueue queue) => new(queue);

    internal SyscallRecord[] ToRecords(Guard guard) => records(guard);
}

/// <summary>What is taken out of a file by <see cref="Pledge.Take"/>: it lies in the guard's memory until it is put back.</summary>
public sealed class PledgedQueue
{
    private const int Pieces = 8, PieceBytes = 4096;

    private readonly int from, back;
    private readonly Slot<byte>[] pieces = new Slot<byte>[Pieces];
    private readonly Slot<long> counts;

    internal PledgedQueue(Guard guard, int from, int back)
    {
        (this.from, this.back, counts) = (from, back, guard.Keep<long>(Pieces));
        for (int i = 0; i < Pieces; i++)
            pieces[i] = guard.Keep<byte>(PieceBytes);
    }

    /// <summary>What was read. Empty once it was put back.</summary>
    public byte[] ToArray()
    {
        var all = new List<byte>();
        for (int i = 0; i < Pieces; i++)
            all.AddRange(pieces[i].Span[..(int)Math.Clamp(counts.Span[i], 0, PieceBytes)]);
        return [.. all];
    }

    /// <summary>An error stays in place of a count: the kernel takes no such length.</summary>
    internal void AddReading(SyscallBatch batch)
    {
        for (int i = 0; i < Pieces; i++)
        {
            long result = batch.NextRecord + RecordOffset.Result;
            batch.Try(Nr.read, from, pieces[i].Remote, PieceBytes);
            batch.Copy(CountOf(i), result, sizeof(long));
        }
    }

    internal SyscallRecord[] ToReturn()
    {
        const int Length = 2;                           // argument of write(2)
        var records = new List<SyscallRecord>();
        for (int i = 0; i < Pieces; i++)
            records.AddRange([SyscallRecord.CopyToNext(Length, CountOf(i), sizeof(long)), new SyscallRecord(Nr.write, 0, back, pieces[i].Remote, 0), SyscallRecord.Store(CountOf(i), 0)]);
        return [.. records];
    }

    internal void AddForgetting(SyscallBatch batch)
    {
        for (int i = 0; i < Pieces; i++)
            batch.Store64(CountOf(i), 0);
    }

    private long CountOf(int piece) => counts.Remote + piece * sizeof(long);
}
