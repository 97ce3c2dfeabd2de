using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Criu.Soccr;

/// <content>
/// The binary form, all numbers little-endian:
///
///   "SOCR"  u16 version (1)  u16 reserved (0)  then records: u16 tag, u16 reserved (0), u32 length in bytes, value
///
/// A tag stands once at most, but OPTION and MD5KEY, which stand once for each. A tag that is not known is refused: its meaning might matter. A number that is 0, a text or a queue
/// that is empty, has no record.
/// </content>
public sealed partial record TcpConnectionState
{
    private const uint Magic = 0x52434f53;              // "SOCR"
    private const ushort Version = 1;
    private const int HeaderBytes = 8, RecordBytes = 8, MostOptions = 256, MostOptionBytes = 64, MostTextBytes = 64;

    private enum Tag : ushort
    {
        State = 1, IsIPv6, Local, Remote, Interface, Error, Backlog, ReceiveSequence, SendSequence, ReceiveQueue, SendQueue, UnsentBytes, IsFinUnsent, MaxSegment, SendWindowScale,
        ReceiveWindowScale, HasSack, HasTimestamps, Timestamp, SendWl1, SendWindow, MaxWindow, ReceiveWindow, ReceiveWindowUpdate, SendBuffer, ReceiveBuffer, BufferLocks, ReuseAddress,
        KeepAlive, Cork, WantedMaxSegment, IsNonBlocking, Option, Md5Key,
    }

    /// <summary>The versioned binary form.</summary>
    public byte[] ToBytes()
    {
        var into = new List<byte>(256 + ReceiveQueue.Length + SendQueue.Length);
        AddHeader(into);
        foreach (var (tag, value) in Numbers())
            if (value != 0)
                AddNumber(into, tag, value);
        AddEnd(into, Tag.Local, Local);
        AddEnd(into, Tag.Remote, Remote);
        if (Interface != null)
            Add(into, Tag.Interface, Encoding.UTF8.GetBytes(Interface));
        if (ReceiveQueue.Length > 0)
            Add(into, Tag.ReceiveQueue, ReceiveQueue.AsSpan());
        if (SendQueue.Length > 0)
            Add(into, Tag.SendQueue, SendQueue.AsSpan());
        foreach (var option in Options)
            Add(into, Tag.Option, [.. ToBytes((uint)option.Level), .. ToBytes((uint)option.Number), .. option.Value]);
        foreach (var key in Md5Keys)
            Add(into, Tag.Md5Key, key.ToBytes());
        return [.. into];
    }

    /// <summary>Reads the binary form.</summary>
    /// <exception cref="FormatException">It is not one, is damaged, or of a later version.</exception>
    public static TcpConnectionState FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new FormatException("this is no saved TCP connection: it does not begin with SOCR");
        if (BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]) is not Version and var version)
            throw new FormatException($"the saved TCP connection is of version {version}; this library reads {Version}. Use a later one");
        if (BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]) != 0)
            throw new FormatException("the saved TCP connection is damaged: the reserved bytes of its header are not 0");
        var state = new Draft();
        var seen = new HashSet<Tag>();
        for (int at = HeaderBytes; at < bytes.Length;)
        {
            if (bytes.Length - at < RecordBytes)
                throw new FormatException($"the saved TCP connection is cut off at byte {at}");
            var tag = (Tag)BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(at + 4)..]);
            if (BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 2)..]) != 0)
                throw new FormatException($"the saved TCP connection is damaged: the reserved bytes of {tag} at byte {at} are not 0");
            if (length > bytes.Length - at - RecordBytes)
                throw new FormatException($"the saved TCP connection is cut off: {tag} at byte {at} has {length} bytes");
            if (tag is not (Tag.Option or Tag.Md5Key) && !seen.Add(tag))
                throw new FormatException($"the saved TCP connection has {tag} twice, at byte {at}");
            state.Take(tag, bytes.Slice(at + RecordBytes, (int)length), at);
            at += RecordBytes + (int)length;
        }
        return state.ToState();
    }

    /// <summary>Everything that is a number; a flag is 1. A scale is one more than its value, as 0 stands for none.</summary>
    private (Tag Tag, uint Value)[] Numbers() =>
    [
        (Tag.State, (uint)State), (Tag.IsIPv6, Flag(IsIPv6)), (Tag.Error, (uint)Error), (Tag.Backlog, (uint)Backlog), (Tag.ReceiveSequence, ReceiveSequence), (Tag.SendSequence, SendSequence),
        (Tag.UnsentBytes, (uint)UnsentBytes), (Tag.IsFinUnsent, Flag(IsFinUnsent)), (Tag.MaxSegment, (uint)MaxSegment), (Tag.SendWindowScale, (uint)(SendWindowScale + 1 ?? 0)),
        (Tag.ReceiveWindowScale, (uint)(ReceiveWindowScale + 1 ?? 0)), (Tag.HasSack, Flag(HasSack)), (Tag.HasTimestamps, Flag(HasTimestamps)), (Tag.Timestamp, Timestamp), (Tag.SendWl1, SendWl1),
        (Tag.SendWindow, SendWindow), (Tag.MaxWindow, MaxWindow), (Tag.ReceiveWindow, ReceiveWindow), (Tag.ReceiveWindowUpdate, ReceiveWindowUpdate), (Tag.SendBuffer, (uint)SendBuffer),
        (Tag.ReceiveBuffer, (uint)ReceiveBuffer), (Tag.BufferLocks, (uint)BufferLocks), (Tag.ReuseAddress, Flag(ReuseAddress)), (Tag.KeepAlive, Flag(KeepAlive)), (Tag.Cork, Flag(Cork)),
        (Tag.WantedMaxSegment, (uint)WantedMaxSegment), (Tag.IsNonBlocking, Flag(IsNonBlocking)),
    ];

    private static uint Flag(bool value) => value ? 1u : 0;

    private static byte[] ToBytes(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static void AddHeader(List<byte> into)
    {
        into.AddRange(ToBytes(Magic));
        into.AddRange(ToBytes(Version));
    }

    private static void AddNumber(List<byte> into, Tag tag, uint value) => Add(into, tag, ToBytes(value));

    /// <summary>Port, number of the interface (IPv6, else 0), address of 4 or 16 bytes in network order.</summary>
    private static void AddEnd(List<byte> into, Tag tag, IPEndPoint? end)
    {
        if (end != null)
            Add(into, tag, EndBytes(end));
    }

    private static byte[] EndBytes(IPEndPoint end)
    {
        byte[] address = end.Address.GetAddressBytes();
        uint scope = address.Length == 16 ? (uint)end.Address.ScopeId : 0;
        return [.. ToBytes((uint)end.Port), .. ToBytes(scope), .. address];
    }

    private static void Add(List<byte> into, Tag tag, ReadOnlySpan<byte> value)
    {
        into.AddRange(ToBytes((ushort)tag));
        into.AddRange(ToBytes((uint)value.Length));
        into.AddRange(value);
    }

    /// <summary>A state that is being read: numbers first, judged together at the end.</summary>
    private sealed class Draft
    {
        private readonly Dictionary<Tag, uint> numbers = [];
        private readonly ImmutableArray<TcpMd5Key>.Builder keys = ImmutableArray.CreateBuilder<TcpMd5Key>();
        private readonly ImmutableArray<TcpSocketOption>.Builder options = ImmutableArray.CreateBuilder<TcpSocketOption>();
        private IPEndPoint? local, remote;
        private string? @interface;
        private ImmutableArray<byte> receiveQueue = [], sendQueue = [];

        public void Take(Tag tag, ReadOnlySpan<byte> value, int at)
        {
            switch (tag)
            {
                case Tag.Local:
                    local = EndOf(value, at);
                    break;
                case Tag.Remote:
                    remote = EndOf(value, at);
                    break;
                case Tag.Interface:
                    @interface = Encoding.UTF8.GetString(Bounded(value, MostTextBytes, tag, at));
                    break;
                case Tag.ReceiveQueue:
                    receiveQueue = [.. Bounded(value, MaxQueueBytes, tag, at)];
                    break;
                case Tag.SendQueue:
                    sendQueue = [.. Bounded(value, MaxQueueBytes, tag, at)];
                    break;
                case Tag.Option:
                    TakeOption(value, at);
                    break;
                case Tag.Md5Key:
                    keys.Add(keys.Count < MostOptions && TcpMd5Key.TryRead(value) is { } key ? key : throw Wrong(tag, at, "is no key, or one of too many"));
                    break;
                case > 0 and < Tag.Option:
                    numbers[tag] = value.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(value) : throw Wrong(tag, at, $"has {value.Length} bytes, not 4");
                    break;
                default:
                    throw new FormatException($"the saved TCP connection has a record {(ushort)tag} at byte {at}, which this library does not know. Use a later one");
            }
        }

        private void TakeOption(ReadOnlySpan<byte> value, int at)
        {
            if (value.Length is < 8 or > 8 + MostOptionBytes || options.Count == MostOptions)
                throw Wrong(Tag.Option, at, $"has {value.Length} bytes, or is one of too many");
            options.Add(new TcpSocketOption(BinaryPrimitives.ReadInt32LittleEndian(value), BinaryPrimitives.ReadInt32LittleEndian(value[4..]), [.. value[8..]]));
        }

        private static IPEndPoint EndOf(ReadOnlySpan<byte> value, int at)
        {
            if (value.Length is not (12 or 24) || BinaryPrimitives.ReadUInt32LittleEndian(value) is var port && port > ushort.MaxValue)
                throw Wrong(Tag.Local, at, "is no address");
            uint scope = BinaryPrimitives.ReadUInt32LittleEndian(value[4..]);
            return new IPEndPoint(value.Length == 12 ? new IPAddress(value[8..]) : new IPAddress(value[8..], scope), (int)port);
        }

        private static ReadOnlySpan<byte> Bounded(ReadOnlySpan<byte> value, int most, Tag tag, int at) => value.Length <= most ? value : throw Wrong(tag, at, $"has {value.Length} bytes");

        private static FormatException Wrong(Tag tag, int at, string why) => new($"the saved TCP connection is damaged: {tag} at byte {at} {why}");

        private uint Number(Tag tag) => numbers.GetValueOrDefault(tag);

        private int Count(Tag tag, int most = int.MaxValue) =>
            Number(tag) <= (uint)most ? (int)Number(tag) : throw new FormatException($"the saved TCP connection is damaged: {tag} is {Number(tag)}, more than {most}");

        private bool Flag(Tag tag) => Count(tag, 1) == 1;

        private int? Scale(Tag tag) => Count(tag, 15) is var scale && scale > 0 ? scale - 1 : null;

        public TcpConnectionState ToState() => new TcpConnectionState
        {
            State = Enum.IsDefined((TcpState)Count(Tag.State, 255))
                ? (TcpState)Number(Tag.State)
                : throw new FormatException($"the saved TCP connection is in state {Number(Tag.State)}, which does not exist"),
            Local = local, Remote = remote, Interface = @interface, IsIPv6 = Flag(Tag.IsIPv6), Error = Count(Tag.Error, 4095), Backlog = Count(Tag.Backlog),
            ReceiveSequence = Number(Tag.ReceiveSequence), SendSequence = Number(Tag.SendSequence),
            ReceiveQueue = receiveQueue, SendQueue = sendQueue, UnsentBytes = Count(Tag.UnsentBytes, sendQueue.Length),
            IsFinUnsent = Flag(Tag.IsFinUnsent), MaxSegment = Count(Tag.MaxSegment, ushort.MaxValue), SendWindowScale = Scale(Tag.SendWindowScale), ReceiveWindowScale = Scale(Tag.ReceiveWindowScale),
            HasSack = Flag(Tag.HasSack), HasTimestamps = Flag(Tag.HasTimestamps), Timestamp = Number(Tag.Timestamp), SendWl1 = Number(Tag.SendWl1), SendWindow = Number(Tag.SendWindow),
            MaxWindow = Number(Tag.MaxWindow), ReceiveWindow = Number(Tag.ReceiveWindow), ReceiveWindowUpdate = Number(Tag.ReceiveWindowUpdate), SendBuffer = Count(Tag.SendBuffer),
            ReceiveBuffer = Count(Tag.ReceiveBuffer), BufferLocks = Count(Tag.BufferLocks, 3), ReuseAddress = Flag(Tag.ReuseAddress), KeepAlive = Flag(Tag.KeepAlive), Cork = Flag(Tag.Cork),
            WantedMaxSegment = Count(Tag.WantedMaxSegment, ushort.MaxValue), IsNonBlocking = Flag(Tag.IsNonBlocking), Options = options.ToImmutable(),
            Md5Keys = keys.ToImmutable(),
        }.Checked();
    }

    /// <summary>What contradicts itself could not be restored, and would be told of by the kernel in its own words.</summary>
    private TcpConnectionState Checked()
    {
        static bool IsOf(IPEndPoint? end, bool v6) => end == null || end.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 == v6;
        if (!IsOf(Local, IsIPv6) || !IsOf(Remote, IsIPv6))
            throw new FormatException("the saved TCP connection has addresses of another family than its socket");
        if (State is not (TcpState.Close or TcpState.Listen) && (Local == null || Remote == null))
            throw new FormatException($"the saved TCP connection is {State} and lacks an address");
        if (State == TcpState.SynReceived)
            throw new FormatException("a connection in SYN_RECV has no socket, and cannot be restored");
        return this;
    }
}
