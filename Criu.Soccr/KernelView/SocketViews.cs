using System.Buffers.Binary;
using System.Collections.Immutable;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Which two ends many sockets have, and which of their options are as a new socket's, by one look at the kernel's own structures: those need not be asked for, one by one. Of options it says
/// never more than that: any other is read as ever. What it says of ends is asked as well, for the first of each kind, and no more believed where it is untrue.
/// </summary>
internal sealed class SocketViews : IDisposable
{
    private const int MostPatterns = 16;                // of options: to look through more takes as long as to ask

    private readonly SocketFields fields;
    private readonly SocketRecords records;
    private readonly byte[] usualV4, usualV6;           // of new sockets
    private readonly bool[] agree = new bool[2];        // of IPv4, and IPv6
    private volatile bool isWrong;
    private ImmutableArray<(byte[] Record, SavedOptions Options)> patterns = [];

    /// <summary>Whether what was seen differed from what was told.</summary>
    public bool IsWrong => isWrong;

    private SocketViews(SocketFields fields, SocketRecords records, int newV4, int newV6) =>
        (this.fields, this.records, usualV4, usualV6) = (fields, records, records.Of(newV4).ToArray(), records.Of(newV6).ToArray());

    /// <summary>Null where a look does not pay, or is not possible.</summary>
    /// <param name="count">How many sockets it is for.</param>
    public static SocketViews? TryRead(int count)
    {
        if (KernelView.For(count) is not { } view)
            return null;
        using var newV4 = NewSockets.TryMake(Sockets.AF_INET);
        using var newV6 = NewSockets.TryMake(Sockets.AF_INET6);
        return view.Sockets.Read() is { } records ? new SocketViews(view.SocketFields, records, newV4?.Fd() ?? -1, newV6?.Fd() ?? -1) : null;
    }

    /// <summary>Which socket it is, for connections with two ends; false where that must be asked.</summary>
    public bool TryRead(SocketCalls calls, out SocketIdentity identity)
    {
        identity = default;
        var record = records.Of(calls.Fd);
        if (isWrong || record.IsEmpty || fields.Identity is not { } members || !members.TryRead(record, out identity))
            return false;
        ref bool agrees = ref agree[identity.IsIPv6 ? 1 : 0];
        if (Volatile.Read(ref agrees))
            return true;
        var asked = SocketIdentity.Read(calls);
        bool isSame = asked.Flow == identity.Flow && asked.IsIPv6 == identity.IsIPv6 && calls.IsNonBlocking() == members.IsNonBlocking(record);
        (isWrong, identity) = (isWrong || !isSame, asked);
        Volatile.Write(ref agrees, isSame);
        return true;
    }

    /// <summary>Of a socket of the thread that looked; one that knows nothing where it is no other.</summary>
    public SocketView Of(int fd, bool isIPv6)
    {
        var record = records.Of(fd);
        byte[] usual = isIPv6 ? usualV6 : usualV4;
        return record.IsEmpty || usual.Length == 0 ? default : new SocketView(fields, record, usual);
    }

    /// <summary>The options of a connection of which another is known that has the same. Null where there is none.</summary>
    public SavedOptions? OfAnother(SocketCalls calls)
    {
        var record = records.Of(calls.Fd);
        if (record.IsEmpty)
            return null;
        foreach (var (other, options) in patterns)
            if (fields.AreAlike(record, other))
                return HasNoneOfItsOwn(calls, record) ? options : null;
        return null;
    }

    private bool HasNoneOfItsOwn(SocketCalls calls, ReadOnlySpan<byte> record)
    {
        var (level, number) = SocketFields.Private;
        Span<byte> value = stackalloc byte[1];
        return new SocketView(fields, record, usualV4).IsUsual(level, number) || calls.TryGet(level, number, value) == 0;
    }

    /// <summary>Others may have the same.</summary>
    public void Note(SocketCalls calls, SavedOptions options)
    {
        var record = records.Of(calls.Fd);
        if (record.IsEmpty || patterns.Length >= MostPatterns || options.Others.Any(o => (o.Level, o.Number) == SocketFields.Private))
            return;
        byte[] copy = record.ToArray();
        ImmutableInterlocked.Update(ref patterns, known => known.Add((copy, options)));
    }

    public void Dispose() => records.Dispose();
}

/// <summary>Of one socket. The default knows nothing.</summary>
internal readonly ref struct SocketView(SocketFields fields, ReadOnlySpan<byte> record, ReadOnlySpan<byte> usual)
{
    private readonly SocketFields? fields = fields;
    private readonly ReadOnlySpan<byte> record = record, usual = usual;

    /// <summary>Null where it must be asked.</summary>
    public bool? IsNonBlocking => fields?.Identity?.IsNonBlocking(record);

    /// <summary>Whether an option is as a new socket's. False also where that is not known.</summary>
    public bool IsUsual(int level, int number) => fields != null && AreUsual(fields.Of(level, number));

    /// <summary>The same for a row of <see cref="OptionTable.Rows"/>.</summary>
    public bool IsUsual(int row) => fields != null && AreUsual(fields.OfRow(row));

    private bool AreUsual(RecordBits[] all)
    {
        foreach (var bits in all)
            if (((BinaryPrimitives.ReadUInt64LittleEndian(record[bits.Place..]) ^ BinaryPrimitives.ReadUInt64LittleEndian(usual[bits.Place..])) & bits.Mask) != 0)
                return false;
        return all.Length > 0;
    }
}
