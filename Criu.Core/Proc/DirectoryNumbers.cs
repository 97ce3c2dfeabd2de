using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;

namespace Criu.Core.Proc;

/// <summary>
/// The numeric entries of a directory, straight from getdents64(2): no string is made of a name.
/// <code>
/// struct linux_dirent64 { u64 d_ino; s64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }
///                         0          8          16            18         19
/// </code>
/// </summary>
internal static class DirectoryNumbers
{
    private const int BufferSize = 32 << 10, LengthAt = 16, NameAt = 19;

    /// <summary>Adds them in the directory's own order. 0, or -errno.</summary>
    public static long Read(int directory, List<int> numbers)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        long bytes;
        while ((bytes = ProcFile.ReadDirectory(directory, buffer)) > 0)
            AddAll(buffer.AsSpan(0, (int)bytes), numbers);
        ArrayPool<byte>.Shared.Return(buffer);
        return bytes;
    }

    private static void AddAll(ReadOnlySpan<byte> entries, List<int> numbers)
    {
        while (!entries.IsEmpty)
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(entries[LengthAt..]);
            var name = entries[NameAt..size];
            name = name[..name.IndexOf((byte)0)];
            if (Utf8Parser.TryParse(name, out int number, out int used) && used == name.Length)
                numbers.Add(number);
            entries = entries[size..];
        }
    }
}
