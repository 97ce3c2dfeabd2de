namespace Criu.Native;

/// <summary>Reads the fields of a message where they lie. What is no message ends it early: see <see cref="IsDamaged"/>.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    /// <summary>Kinds of values: a number in groups of seven bits, eight bytes, bytes behind their length, four bytes.</summary>
    public const int Number = 0, Eight = 1, Bytes = 2, Four = 5;

    public const int MaxNumberBytes = 10;

    private ReadOnlySpan<byte> rest = bytes;

    public readonly int Left => rest.Length;

    public bool IsDamaged { get; private set; }

    public bool TryRead(out WireField field)
    {
        field = default;
        if (rest.IsEmpty || IsDamaged)
            return false;
        ulong tag = ReadNumber();
        field.Number = (int)(tag >> 3);
        switch ((int)tag & 7)
        {
            case Number:
                field.Value = (long)ReadNumber();
                break;
            case Bytes:
                field.Content = Take(ReadNumber());
                break;
            case Eight:
                Take(8);
                break;
            case Four:
                Take(4);
                break;
            default:
                IsDamaged = true;
                break;
        }
        return !IsDamaged;
    }

    private ulong ReadNumber()
    {
        ulong value = 0;
        for (int i = 0; i < Math.Min(rest.Length, MaxNumberBytes); i++)
        {
            value |= (ulong)(rest[i] & 0x7f) << (7 * i);
            if (rest[i] > 0x7f)
                continue;
            rest = rest[(i + 1)..];
            return value;
        }
        IsDamaged = true;
        return 0;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)rest.Length)
        {
            IsDamaged = true;
            return default;
        }
        var taken = rest[..(int)count];
        rest = rest[(int)count..];
        return taken;
    }
}

/// <summary>A field: a number, or bytes of a text or of a message within.</summary>
internal ref struct WireField
{
    public int Number;
    public long Value;
    public ReadOnlySpan<byte> Content;
}
