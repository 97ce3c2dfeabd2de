using System.Buffers.Binary;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Soccr;

/// <summary>
/// Which options of many sockets are as a new socket's, by one look at the kernel's own structures: those need not be asked for, one by one. What it says is never more than
/// that: any other option is read as ever.
/// </summary>
internal sealed class OptionViews : IDisposable
{
    private const int ManyEnough = 256, ManyEnoughAtFirst = 1000;       // sockets: the first time the kernel's types are read, some 20 ms

    private static volatile bool isMade;

    private readonly SocketFields fields;
    private readonly SocketRecords records;
    private readonly byte[] usualV4, usualV6;           // of new sockets

    private OptionViews(SocketFields fields, SocketRecords records, int newV4, int newV6) =>
        (this.fields, this.records, usualV4, usualV6) = (fields, records, records.Of(newV4).ToArray(), records.Of(newV6).ToArray());

    /// <summary>Null where a look does not pay, or is not possible: privilege and kernel, see <see cref="SocketIterator"/>.</summary>
    /// <param name="count">How many sockets it is for.</param>
    public static OptionViews? TryRead(int count)
    {
        if (count < (isMade ? ManyEnough : ManyEnoughAtFirst) || SocketIterator.Instance is not { } iterator)
            return null;
        isMade = true;
        using var newV4 = NewSocket(Sockets.AF_INET);
        using var newV6 = NewSocket(Sockets.AF_INET6);
        return iterator.Read() is { } records ? new OptionViews(iterator.Fields, records, newV4?.Fd() ?? -1, newV6?.Fd() ?? -1) : null;
    }

    /// <summary>Null where this host is without the family.</summary>
    private static SafeFileHandle? NewSocket(int family)
    {
        long fd = Kernel.Call(Nr.socket, family, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_TCP);
        return Kernel.Failed(fd) ? null : Kernel.Own(fd);
    }

    /// <summary>Of a socket of the thread that looked; one that knows nothing where it is no other.</summary>
    public OptionView Of(int fd, bool isIPv6)
    {
        var record = records.Of(fd);
        byte[] usual = isIPv6 ? usualV6 : usualV4;
        return record.IsEmpty || usual.Length == 0 ? default : new OptionView(fields, record, usual);
    }

    public void Dispose() => records.Dispose();
}

/// <summary>Of one socket. The default knows nothing.</summary>
internal readonly ref struct OptionView(SocketFields fields, ReadOnlySpan<byte> record, ReadOnlySpan<byte> usual)
{
    private readonly SocketFields? fields = fields;
    private readonly ReadOnlySpan<byte> record = record, usual = usual;

    /// <summary>Whether an option is as a new socket's. False also where that is not known.</summary>
    public bool IsUsual(int level, int number) => fields != null && AreUsual(fields.Of(level, number));

    /// <summary>The same for a row of <see cref="OptionTable.Rows"/>.</summary>
    public bool IsUsual(int row) => fields != null && AreUsual(fields.OfRow(row));

    private bool AreUsual(OptionBits[] all)
    {
        foreach (var bits in all)
            if (((BinaryPrimitives.ReadUInt64LittleEndian(record[bits.Offset..]) ^ BinaryPrimitives.ReadUInt64LittleEndian(usual[bits.Offset..])) & bits.Mask) != 0)
                return false;
        return all.Length > 0;
    }
}
