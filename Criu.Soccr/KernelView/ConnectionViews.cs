using System.Diagnostics;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// What the kernel counts of many connections in repair mode, by one look at its own structures. What a member means is no interface: so the first connection of each kind is asked as well,
/// by calls, and where anything differs, all are.
/// </summary>
internal sealed class ConnectionViews : IDisposable
{
    private const int Kinds = 1 << 11;

    private readonly ConnectionFields fields;
    private readonly SocketRecords records;
    private readonly long started;                      // Stopwatch ticks
    private readonly bool[] agree = new bool[Kinds];    // by kind; set once
    private volatile bool isWrong;

    /// <summary>Whether what was seen differed from what was told.</summary>
    public bool IsWrong => isWrong;

    internal ConnectionViews(ConnectionFields fields, SocketRecords records, long started) => (this.fields, this.records, this.started) = (fields, records, started);

    /// <summary>Null where a look does not pay, or is not possible.</summary>
    /// <param name="count">How many connections it is for, all in repair mode already.</param>
    public static ConnectionViews? TryRead(int count)
    {
        if (KernelView.For(count) is not { Connections: { } iterator, ConnectionFields: { } fields })
            return null;
        long started = Stopwatch.GetTimestamp();
        return iterator.Read() is { } records ? new ConnectionViews(fields, records, started) : null;
    }

    /// <summary>False where it must be asked.</summary>
    public bool TryRead(SocketCalls calls, out ConnectionNumbers numbers)
    {
        numbers = default;
        var record = records.Of(calls.Fd, out long time);
        if (isWrong || record.IsEmpty)
            return false;
        // The clock goes on: nobody may be told an earlier time than the connection has told already.
        long now = time + (long)Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        if (!fields.TryRead(record, now, out numbers))
            return false;
        int kind = KindOf(numbers);
        if (Volatile.Read(ref agree[kind]))
            return true;
        var asked = ConnectionNumbers.Ask(calls, SocketIdentity.ReadInfo(calls));
        if (AreSame(asked, numbers))
            Volatile.Write(ref agree[kind], true);
        else
            isWrong = true;
        numbers = asked;
        return true;
    }

    private static int KindOf(in ConnectionNumbers one)
    {
        int kind = (int)one.State;
        foreach (bool has in (ReadOnlySpan<bool>)[one.HasTimestamps, one.HasSack, one.HasScale, one.Received > 0, one.Unacknowledged > 0, one.Unsent > 0, (one.Timestamp & 1) != 0])
            kind = kind << 1 | (has ? 1 : 0);
        return kind;
    }

    /// <summary>Clocks go on between one look and the other, though not by a second.</summary>
    private static bool AreSame(in ConnectionNumbers asked, in ConnectionNumbers seen)
    {
        const int Milliseconds = 1000, Microseconds = 1_000_000;
        int apart = (int)(seen.Timestamp - asked.Timestamp), most = (asked.Timestamp & 1) != 0 ? Microseconds : Milliseconds;
        return asked with { Timestamp = 0 } == seen with { Timestamp = 0 } && ((asked.Timestamp ^ seen.Timestamp) & 1) == 0 && apart > -most && apart < most;
    }

    public void Dispose() => records.Dispose();
}
