using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Netlink messages one behind the other, as one send takes them. Messages and attributes begin at multiples of 4 bytes; their lengths are without the padding.
/// nf_tables wants its numbers in network byte order.
/// </summary>
internal sealed class NetlinkWriter
{
    private byte[] buffer = new byte[1024];
    private int length;

    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, length);

    /// <summary>Begins a message of netfilter; it ends when the answer is disposed.</summary>
    /// <param name="header">Its type, flags and sequence number.</param>
    /// <param name="family">NFPROTO_*.</param>
    /// <param name="resource">The resource of a batch's borders, else 0.</param>
    public Part Message(NetlinkHeader header, byte family, ushort resource = 0)
    {
        int start = length;
        MemoryMarshal.Write(Take(16), header);
        MemoryMarshal.Write(Take(4), new NetfilterHeader { Family = family, Resource = BinaryPrimitives.ReverseEndianness(resource) });
        return new Part(this, start, isMessage: true);
    }

    /// <summary>Begins an attribute made of attributes; it ends when the answer is disposed.</summary>
    public Part Nest(ushort type)
    {
        int start = length;
        WriteAttribute(0, (ushort)(type | Netlink.NLA_F_NESTED));
        return new Part(this, start, isMessage: false);
    }

    public void Bytes(ushort type, ReadOnlySpan<byte> value)
    {
        WriteAttribute(value.Length, type);
        value.CopyTo(Take(value.Length));
    }

    public void Number(ushort type, int value)
    {
        WriteAttribute(sizeof(int), type);
        BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), value);
    }

    public void LongNumber(ushort type, long value)
    {
        WriteAttribute(sizeof(long), type);
        BinaryPrimitives.WriteInt64BigEndian(Take(sizeof(long)), value);
    }

    public void Text(ushort type, string value) => Bytes(type, Encoding.UTF8.GetBytes(value + '\0'));

    /// <summary>Room for so many bytes, zeroed and padded.</summary>
    public Span<byte> Take(int count)
    {
        int start = length, end = start + (count + 3 & ~3);
        if (end > buffer.Length)
            Array.Resize(ref buffer, Math.Max(end, buffer.Length * 2));
        length = end;
        return buffer.AsSpan(start, count);
    }

    /// <summary>Sets flags of a message that was written before.</summary>
    /// <param name="start">Where it begins, in bytes.</param>
    /// <param name="flags">NLM_F_*.</param>
    public void AddFlags(int start, ushort flags) => MemoryMarshal.AsRef<NetlinkHeader>(buffer.AsSpan(start, 16)).Flags |= flags;

    private void WriteAttribute(int bytes, ushort type) =>
        MemoryMarshal.Write(Take(4), new NetlinkAttribute { Length = checked((ushort)(bytes + 4)), Type = type });

    private void End(int start, bool isMessage)
    {
        if (isMessage)
            MemoryMarshal.AsRef<NetlinkHeader>(buffer.AsSpan(start, 16)).Length = (uint)(length - start);
        else
            MemoryMarshal.AsRef<NetlinkAttribute>(buffer.AsSpan(start, 4)).Length = checked((ushort)(length - start));
    }

    /// <summary>A message or an attribute whose length is known at its end.</summary>
    public readonly ref struct Part(NetlinkWriter writer, int start, bool isMessage)
    {
        public void Dispose() => writer.End(start, isMessage);
    }
}
