using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Criu.Soccr;

/// <summary>
/// What a repair helper is asked, and answers, over a unix socket (stream, or packets). Each request is sent in one piece and answered before the next; the numbers are in the
/// machine's own byte order.
///
///   request:  u32 "SOCH"  u16 version (1)  u16 operation  u32 length of the value (0..32)  u32 0  32 bytes of value     and 1..64 descriptors (SCM_RIGHTS)
///   answer:   u32 "SOCH"  u16 version (1)  u16 operation  i32 result: 0 or -errno          u32 value
///
/// Operations are <see cref="PrivilegedOption"/>, and: HOLD and RELEASE, the traffic of the sockets that are passed (a socket that is not connected yet: with its peer's
/// sockaddr as value, RELEASE only); MARK, without descriptor, whose answer's value is the SO_MARK that passes;
/// KEYS, with one descriptor, whose answer's value is the length of the keys of TCP_MD5SIG that follow in the same message: for each u32 length, then as in a
/// saved connection. All descriptors are judged before anything is done; where the kernel refuses one, the value
/// of the answer is its place, and those before it are done. Whatever is not a request ends the connection; another version is answered by
/// -EPROTONOSUPPORT before that, with the version that the helper speaks.
/// </summary>
internal static class HelperProtocol
{
    public const uint Magic = 0x48434f53;               // "SOCH"
    public const ushort Version = 1;
    public const int RequestBytes = 48, AnswerBytes = 16, MostValueBytes = 32;
    public const ushort Hold = 100, Release = 101, Mark = 102, Keys = 103;
    public const int MostKeys = 64;

    private const int HeaderBytes = 16;

    public static void WriteRequest(Span<byte> into, ushort operation, ReadOnlySpan<byte> value)
    {
        into.Clear();
        Write(into, operation, value.Length, 0);
        value.CopyTo(into[HeaderBytes..]);
    }

    public static void WriteAnswer(Span<byte> into, ushort operation, int result, uint value) => Write(into, operation, result, value);

    private static void Write(Span<byte> into, ushort operation, int third, uint fourth)
    {
        MemoryMarshal.Write(into, Magic);
        MemoryMarshal.Write(into[4..], Version);
        MemoryMarshal.Write(into[6..], operation);
        MemoryMarshal.Write(into[8..], third);
        MemoryMarshal.Write(into[12..], fourth);
    }

    public static (uint Magic, ushort Version, ushort Operation, int Third, uint Fourth) ReadHeader(ReadOnlySpan<byte> bytes) =>
        (MemoryMarshal.Read<uint>(bytes), MemoryMarshal.Read<ushort>(bytes[4..]), MemoryMarshal.Read<ushort>(bytes[6..]), MemoryMarshal.Read<int>(bytes[8..]), MemoryMarshal.Read<uint>(bytes[12..]));

    public static byte[] Write(ImmutableArray<TcpMd5Key> keys)
    {
        List<byte> into = [];
        foreach (var key in keys)
        {
            byte[] one = key.ToBytes();
            into.AddRange(BitConverter.GetBytes(one.Length));
            into.AddRange(one);
        }
        return [.. into];
    }

    /// <returns>False where they are damaged.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ImmutableArray<TcpMd5Key> keys)
    {
        keys = [];
        var all = ImmutableArray.CreateBuilder<TcpMd5Key>();
        while (bytes.Length > 0)
        {
            int length = bytes.Length < sizeof(int) ? -1 : MemoryMarshal.Read<int>(bytes);
            if (length < 0 || length > bytes.Length - sizeof(int) || TcpMd5Key.TryRead(bytes.Slice(sizeof(int), length)) is not { } key)
                return false;
            all.Add(key);
            bytes = bytes[(sizeof(int) + length)..];
        }
        keys = all.ToImmutable();
        return true;
    }

    public static ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> request, int length) => request.Slice(HeaderBytes, length);
}
