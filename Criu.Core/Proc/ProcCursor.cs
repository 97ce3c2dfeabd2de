namespace Criu.Core.Proc;

/// <summary>A place in one line of a /proc file. Every take moves it on, or throws and names file, line and what was expected.</summary>
internal ref struct ProcCursor(ProcText source, ReadOnlySpan<byte> line, int number)
{
    private readonly ReadOnlySpan<byte> line = line;
    private int at;

    /// <summary>What was not taken yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => line[at..];

    public readonly bool AtEnd => at == line.Length;

    /// <summary>The first byte not taken yet, 0 at the end.</summary>
    public readonly byte Peek => AtEnd ? (byte)0 : line[at];

    public void SkipSpaces()
    {
        while (!AtEnd && line[at] is (byte)' ' or (byte)'\t')
            at++;
    }

    public bool TryTake(byte wanted)
    {
        if (AtEnd || line[at] != wanted)
            return false;
        at++;
        return true;
    }

    public bool TryTake(ReadOnlySpan<byte> wanted)
    {
        if (!Rest.StartsWith(wanted))
            return false;
        at += wanted.Length;
        return true;
    }

    public void Take(char wanted)
    {
        if (!TryTake((byte)wanted))
            throw Bad($"'{wanted}'");
    }

    public void Take(ReadOnlySpan<byte> wanted)
    {
        if (!TryTake(wanted))
            throw Bad($"\"{System.Text.Encoding.UTF8.GetString(wanted)}\"");
    }

    public byte TakeByte() => AtEnd ? throw Bad("another character") : line[at++];

    public ReadOnlySpan<byte> TakeBytes(int count)
    {
        if (line.Length - at < count)
            throw Bad($"{count} more bytes");
        at += count;
        return line.Slice(at - count, count);
    }

    /// <summary>Up to the next such byte, which is taken too.</summary>
    public ReadOnlySpan<byte> TakeUntil(char end)
    {
        int length = Rest.IndexOf((byte)end);
        if (length < 0)
            throw Bad($"'{end}'");
        at += length + 1;
        return line.Slice(at - length - 1, length);
    }

    /// <summary>Up to the next space or tab, or the end.</summary>
    public ReadOnlySpan<byte> TakeWord()
    {
        var rest = Rest;
        int length = rest.IndexOfAny((byte)' ', (byte)'\t');
        var word = length < 0 ? rest : rest[..length];
        at += word.Length;
        return word;
    }

    public ulong TakeHex() => TakeNumber(16);

    public ulong TakeDecimal() => TakeNumber(10);

    public ulong TakeOctal() => TakeNumber(8);

    /// <summary>With an optional minus sign.</summary>
    public long TakeSigned()
    {
        bool negative = TryTake((byte)'-');
        ulong value = TakeDecimal();
        if (value > long.MaxValue + (negative ? 1UL : 0))
            throw Bad("a number of 64 bits with a sign, before this");
        return negative ? -(long)value : (long)value;
    }

    public int TakeInt32()
    {
        long value = TakeSigned();
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Bad("a number of 32 bits, before this");
    }

    public uint TakeUInt32() => Narrow(TakeDecimal());

    public uint TakeHex32() => Narrow(TakeHex());

    public readonly void ExpectEnd()
    {
        if (!AtEnd)
            throw Bad("the end of the line");
    }

    /// <summary>The exception for what is wrong here.</summary>
    public readonly ProcFormatException Bad(string expected) => new(source.File, number, $"expected {expected} at column {at + 1}");

    private readonly uint Narrow(ulong value) => value <= uint.MaxValue ? (uint)value : throw Bad("a number of 32 bits, before this");

    private ulong TakeNumber(uint radix)
    {
        int first = at;
        ulong value = 0;
        for (uint digit; at < line.Length && (digit = Digit(line[at])) < radix; at++)
        {
            if (value > (ulong.MaxValue - digit) / radix)
                throw Bad("a number of 64 bits");
            value = value * radix + digit;
        }
        return at > first ? value : throw Bad("a number");
    }

    private static uint Digit(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - (uint)'0',
        >= (byte)'a' and <= (byte)'f' => c - (uint)'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - (uint)'A' + 10,
        _ => uint.MaxValue,
    };
}
