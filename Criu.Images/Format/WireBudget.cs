namespace Criu.Images;

/// <summary>
/// Two bytes of an image can become an object of a hundred bytes, so a bound on the bytes of an entry is no bound on memory. This one counts, before
/// anything is allocated, the values of an entry that become objects: messages, byte strings, and every field that is not known.
/// </summary>
internal struct WireBudget(int objects)
{
    /// <summary>As Google.Protobuf: deeper messages are refused by its parser.</summary>
    private const int MaxDepth = 100;

    private int left = objects, depth;

    /// <summary>More objects than the budget allows.</summary>
    public readonly bool IsExceeded => left < 0;

    /// <summary>Takes the next field off <paramref name="wire"/>; false at the end, where it is malformed, or when the budget is spent.</summary>
    public bool Next(ref ReadOnlySpan<byte> wire, out int field, out ReadOnlySpan<byte> value)
    {
        value = default;
        field = 0;
        if (left < 0 || !TryVarint(ref wire, out ulong tag))
            return false;
        field = (int)(tag >> 3);
        return (tag & 7) switch
        {
            0 => TryVarint(ref wire, out _),
            1 => TrySkip(ref wire, 8),
            2 => TryBytes(ref wire, out value),
            3 or 4 => true,                              // a group: unknown to every image; its fields are counted as if they were outside
            5 => TrySkip(ref wire, 4),
            _ => false,
        };
    }

    public void Charge() => left--;

    /// <summary>One message deeper; false where the parser would refuse it.</summary>
    public bool Enter()
    {
        if (depth == MaxDepth)
            return false;
        depth++;
        return true;
    }

    public void Leave() => depth--;

    private bool TryBytes(ref ReadOnlySpan<byte> wire, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryVarint(ref wire, out ulong length) || length > (ulong)wire.Length)
            return false;
        value = wire[..(int)length];
        wire = wire[(int)length..];
        left--;
        return true;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> wire, int bytes)
    {
        if (wire.Length < bytes)
            return false;
        wire = wire[bytes..];
        return true;
    }

    private static bool TryVarint(ref ReadOnlySpan<byte> wire, out ulong value)
    {
        value = 0;
        for (int i = 0; i < wire.Length && i < 10; i++)
        {
            value |= (ulong)(wire[i] & 0x7f) << (7 * i);
            if (wire[i] < 0x80)
            {
                wire = wire[(i + 1)..];
                return true;
            }
        }
        return false;
    }
}
