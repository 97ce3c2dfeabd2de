using System.Buffers.Binary;
using System.Text;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>A member of a structure of the kernel: bytes to read, and which of their bits are its.</summary>
/// <param name="Offset">Of the first byte, from the beginning of the structure.</param>
/// <param name="Size">In bytes, at most 16.</param>
/// <param name="Mask">Of the bytes, as a little-endian number; 0 where they are more than eight.</param>
internal readonly record struct KernelField(int Offset, int Size, ulong Mask);

/// <summary>
/// What this kernel's structures look like, as it tells itself: BTF, /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF; Documentation/bpf/btf.rst, linux/btf.h). Whatever is missing
/// or not understood is null, and whoever asked does without.
/// </summary>
internal sealed class KernelTypes
{
    private const string Place = "/sys/kernel/btf/vmlinux";
    private const ushort Magic = 0xeb9f;
    private const int TypeSize = 12, PointerSize = 8;
    private const int Longest = 16;                     // bytes of a member: a number, or an address of IPv6

    private readonly byte[] btf;
    private readonly int strings;                       // where they begin
    private readonly List<int> places;                  // where each type stands; by its number, and 0 is void

    private KernelTypes(byte[] btf, int strings, List<int> places) => (this.btf, this.strings, this.places) = (btf, strings, places);

    public static KernelTypes? TryRead()
    {
        try
        {
            return TryParse(File.ReadAllBytes(Place));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private static KernelTypes? TryParse(byte[] btf)
    {
        uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(btf.AsSpan(at));
        if (BinaryPrimitives.ReadUInt16LittleEndian(btf) != Magic)
            return null;
        int header = (int)U32(4), at = header + (int)U32(8), end = at + (int)U32(12);
        var places = new List<int>(end / 30) { 0 };
        while (at < end)
        {
            places.Add(at);
            if (SizeOfRest((int)(U32(at + 4) >> 24 & 0x1f), (int)(U32(at + 4) & 0xffff)) is not { } rest)
                return null;                            // a kind of a newer kernel: what follows cannot be found
            at += TypeSize + rest;
        }
        return new KernelTypes(btf, header + (int)U32(16), places);
    }

    /// <summary>What follows the type itself, in bytes.</summary>
    private static int? SizeOfRest(int kind, int count) => kind switch
    {
        Btf.INT or Btf.VAR or Btf.DECL_TAG => 4,
        Btf.ARRAY => 12,
        Btf.STRUCT or Btf.UNION or Btf.DATASEC or Btf.ENUM64 => 12 * count,
        Btf.ENUM or Btf.FUNC_PROTO => 8 * count,
        Btf.PTR or Btf.FWD or Btf.TYPEDEF or Btf.VOLATILE or Btf.CONST or Btf.RESTRICT or Btf.FUNC or Btf.FLOAT or Btf.TYPE_TAG => 0,
        _ => null,
    };

    /// <summary>The number of a function, or of a structure; null where there is none of the name.</summary>
    public int? NumberOf(int kind, string name)
    {
        byte[] wanted = Encoding.ASCII.GetBytes(name + '\0');
        for (int number = 1; number < places.Count; number++)
            if (Kind(number) == kind && btf.AsSpan(strings + Word(places[number])).StartsWith(wanted))
                return number;
        return null;
    }

    /// <summary>A member: <c>sock.__sk_common.skc_reuse</c>. Members of what has no name are found as C finds them; of an array those of its first element.</summary>
    public KernelField? Find(string path)
    {
        string[] names = path.Split('.');
        if (NumberOf(Btf.STRUCT, names[0]) is not { } type)
            return null;
        int offset = 0, width = 0;                      // in bits
        foreach (string name in names.AsSpan(1))
            if (!TryFindMember(ref type, Encoding.ASCII.GetBytes(name + '\0'), ref offset, out width))
                return null;
        int shift = offset % 8, size = (shift + width + 7) / 8;
        ulong mask = size > sizeof(ulong) ? 0 : (width == 64 ? ulong.MaxValue : (1UL << width) - 1) << shift;
        return size is > 0 and <= Longest ? new KernelField(offset / 8, size, mask) : null;
    }

    private bool TryFindMember(ref int type, ReadOnlySpan<byte> name, ref int offset, out int width)
    {
        while (Kind(type) == Btf.ARRAY)
            type = Plain(Word(places[type] + TypeSize));
        int place = places[type];
        bool hasBitFields = Word(place + 4) < 0;        // the topmost bit: then the width stands above the offset
        for (int i = 0, at = place + TypeSize; i < CountOf(type); i++, at += 12)
        {
            int member = Plain(Word(at + 4)), bits = Word(at + 8), begin = offset + (hasBitFields ? bits & 0xffffff : bits);
            width = hasBitFields ? bits >>> 24 : 0;
            if (btf.AsSpan(strings + Word(at)).StartsWith(name))
            {
                (type, offset, width) = (member, begin, width != 0 ? width : 8 * SizeOf(member));
                return true;
            }
            if (Word(at) != 0 || Kind(member) is not (Btf.STRUCT or Btf.UNION) || !TryFindMember(ref member, name, ref begin, out width))
                continue;
            (type, offset) = (member, begin);
            return true;
        }
        width = 0;
        return false;
    }

    /// <summary>Values of all enumerators whose names begin so.</summary>
    public Dictionary<string, int> Enumerators(params string[] beginnings)
    {
        byte[][] wanted = Array.ConvertAll(beginnings, Encoding.ASCII.GetBytes);
        var found = new Dictionary<string, int>();
        for (int number = 1; number < places.Count; number++)
        {
            if (Kind(number) != Btf.ENUM)
                continue;
            for (int i = 0, at = places[number] + TypeSize; i < CountOf(number); i++, at += 8)
            {
                var name = btf.AsSpan(strings + Word(at));
                foreach (byte[] beginning in wanted)
                    if (name.StartsWith(beginning))
                        found.TryAdd(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]), Word(at + 4));
            }
        }
        return found;
    }

    private int Word(int at) => BinaryPrimitives.ReadInt32LittleEndian(btf.AsSpan(at));

    private int Kind(int type) => type == 0 ? 0 : Word(places[type] + 4) >> 24 & 0x1f;

    private int CountOf(int type) => Word(places[type] + 4) & 0xffff;

    /// <summary>Without what only names it otherwise, or qualifies it.</summary>
    private int Plain(int type)
    {
        while (Kind(type) is Btf.TYPEDEF or Btf.VOLATILE or Btf.CONST or Btf.RESTRICT or Btf.TYPE_TAG)
            type = Word(places[type] + 8);
        return type;
    }

    /// <summary>In bytes.</summary>
    private int SizeOf(int type) => Kind(type) switch
    {
        Btf.PTR => PointerSize,
        Btf.ARRAY => Word(places[type] + TypeSize + 8) * SizeOf(Plain(Word(places[type] + TypeSize))),
        Btf.INT or Btf.ENUM or Btf.ENUM64 or Btf.STRUCT or Btf.UNION or Btf.FLOAT => Word(places[type] + 8),
        _ => 0,
    };
}
