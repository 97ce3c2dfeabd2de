namespace Criu.Soccr;

/// <summary>What an iterator over files finds, and reads.</summary>
internal enum KernelObject
{
    /// <summary>struct file.</summary>
    File,

    /// <summary>struct tcp_sock, which begins with struct sock and the others.</summary>
    Socket,

    /// <summary>struct ipv6_pinfo; a socket of IPv4 has none, and zeros in the record.</summary>
    OfIPv6,
}

/// <summary>Bytes of a structure of the kernel that are read at once.</summary>
/// <param name="Of">Which structure.</param>
/// <param name="Offset">In the structure.</param>
/// <param name="Size">In bytes.</param>
/// <param name="Place">In the record.</param>
internal readonly record struct FieldSpan(KernelObject Of, int Offset, int Size, int Place);

/// <summary>Bits of the eight bytes of a record that begin at a place, as a little-endian number.</summary>
internal readonly record struct RecordBits(int Place, ulong Mask);

/// <summary>A record that is put together of members of the kernel's structures, as far as this kernel has them by these names.</summary>
internal sealed class RecordLayout
{
    private const int WidestGap = 24;                   // bytes that are read for nothing, rather than that there are two spans

    private readonly Dictionary<string, RecordBits> places = [];
    private readonly List<FieldSpan> spans = [], members = [];

    public RecordLayout(KernelTypes types, IEnumerable<string> paths)
    {
        var fields = new Dictionary<string, KernelField>();
        foreach (string path in paths.Distinct())
            if (types.Find(path) is { } found)
                fields.Add(path, found);
        foreach (var (path, field) in fields.OrderBy(m => ObjectOf(m.Key)).ThenBy(m => m.Value.Offset))
        {
            int place = Place(ObjectOf(path), field);
            places.Add(path, new RecordBits(place, field.Mask));
            members.Add(new FieldSpan(ObjectOf(path), field.Offset, field.Size, place));
        }
        Size = (End + 2 * sizeof(ulong) - 2) / sizeof(ulong) * sizeof(ulong);
    }

    /// <summary>What is read of each socket: each member, in order. Several may be in the same bytes.</summary>
    public IEnumerable<FieldSpan> Members => members.Distinct();

    /// <summary>The same in fewer and longer pieces, with what lies between the members.</summary>
    public IReadOnlyList<FieldSpan> Spans => spans;

    /// <summary>Of what is read of a socket, in bytes, in eights; any eight bytes of which a member needs the first are in it.</summary>
    public int Size { get; }

    /// <summary>Where a member is in the record; null where this kernel has none of the name.</summary>
    public RecordBits? Find(string path) => places.TryGetValue(path, out var place) ? place : null;

    private static KernelObject ObjectOf(string path) => path[..path.IndexOf('.')] switch
    {
        "file" => KernelObject.File,
        "ipv6_pinfo" => KernelObject.OfIPv6,
        _ => KernelObject.Socket,
    };

    private int End => spans.Count > 0 ? spans[^1].Place + spans[^1].Size : 0;

    /// <summary>Members come in order. In the record each is aligned as it is in its structure.</summary>
    private int Place(KernelObject of, KernelField field)
    {
        int end = spans.Count > 0 ? spans[^1].Offset + spans[^1].Size : 0;
        if (spans.Count > 0 && spans[^1].Of == of && field.Offset <= end + WidestGap)
            spans[^1] = spans[^1] with { Size = Math.Max(end, field.Offset + field.Size) - spans[^1].Offset };
        else
            spans.Add(new FieldSpan(of, field.Offset, field.Size, End + ((field.Offset - End) & (sizeof(ulong) - 1))));
        return spans[^1].Place + field.Offset - spans[^1].Offset;
    }
}
