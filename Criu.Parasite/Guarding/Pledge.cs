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
        var records = new SyscallRecord[calls.Count];
        for (int i = 0; i < records.Length; i++)
            records[i] = calls[i].ToRecord(guard);
        var batch = guard.NewBatch();
        guard.Will.Push(batch, Owner, records);
        guard.Run(batch);
    }

    /// <summary>Nothing of it needs to be done any more.</summary>
    public void Drop() => guard.Will.Forget(Owner);
}

/// <summary>One call that the guard makes: of a <see cref="Pledge"/>, or as it lets a tree go.</summary>
public sealed class PledgedCall
{
    private readonly Func<Guard, SyscallRecord> record;

    private PledgedCall(Func<Guard, SyscallRecord> record) => this.record = record;

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

    internal SyscallRecord ToRecord(Guard guard) => record(guard);
}
