namespace Criu.Native;

/// <summary>
/// A message of protocol buffers as it goes over the wire, in memory of the C library: a list of fields, each a tag and a value. Written by hand because the generated
/// messages are objects, and a library that never allocates one has no collections, whoever forks where.
/// </summary>
internal unsafe struct WireBuffer
{
    private const int TagBits = 3, FirstCapacity = 256;      // bytes

    private byte* start;
    private int length, capacity;

    public readonly ReadOnlySpan<byte> Bytes => new(start, length);

    /// <summary>The one value of a field: an earlier one is taken out. False where there is no memory; then nothing has changed.</summary>
    public bool TrySet(int field, long value)
    {
        int before = length;
        return TryAdd(field, value) && TakeOut(field, before);
    }

    public bool TrySet(int field, ReadOnlySpan<byte> value)
    {
        int before = length;
        return TryAdd(field, value) && TakeOut(field, before);
    }

    /// <summary>One more value. Negative numbers take ten bytes, as 32-bit fields demand.</summary>
    public bool TryAdd(int field, long value)
    {
        int before = length;
        return TryAddNumber((ulong)field << TagBits | WireReader.Number) && TryAddNumber((ulong)value) || CutTo(before);
    }

    public bool TryAdd(int field, ReadOnlySpan<byte> value)
    {
        int before = length;
        return TryAddNumber((ulong)field << TagBits | WireReader.Bytes) && TryAddNumber((ulong)value.Length) && TryAddBytes(value) || CutTo(before);
    }

    /// <summary>Fields that are in their form already.</summary>
    public bool TryAppend(ReadOnlySpan<byte> fields) => TryAddBytes(fields);

    public readonly bool Contains(int field)
    {
        var reader = new WireReader(Bytes);
        while (reader.TryRead(out var found))
            if (found.Number == field)
                return true;
        return false;
    }

    /// <summary>Takes out every value of a field.</summary>
    public void Remove(int field) => TakeOut(field, length);

    public void Free()
    {
        Libc.Free(start);
        this = default;
    }

    /// <summary>Of the first so many bytes. Always true, so that it can end a chain.</summary>
    private bool TakeOut(int field, int end)
    {
        for (int at = 0; at < end;)
        {
            var reader = new WireReader(new ReadOnlySpan<byte>(start + at, end - at));
            reader.TryRead(out var found);
            int next = end - reader.Left, size = next - at;
            if (found.Number != field)
            {
                at = next;
                continue;
            }
            new ReadOnlySpan<byte>(start + next, length - next).CopyTo(new Span<byte>(start + at, length - at));
            (length, end) = (length - size, end - size);
        }
        return true;
    }

    private bool CutTo(int before)
    {
        length = before;
        return false;
    }

    private bool TryAddNumber(ulong value)
    {
        Span<byte> digits = stackalloc byte[WireReader.MaxNumberBytes];
        int count = 0;
        for (; value > 0x7f; value >>= 7)
            digits[count++] = (byte)(value | 0x80);
        digits[count++] = (byte)value;
        return TryAddBytes(digits[..count]);
    }

    private bool TryAddBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > capacity - length && !TryGrow(bytes.Length))
            return false;
        bytes.CopyTo(new Span<byte>(start + length, bytes.Length));
        length += bytes.Length;
        return true;
    }

    private bool TryGrow(int bytes)
    {
        long wanted = Math.Max(FirstCapacity, Math.Max(2L * capacity, (long)length + bytes));
        byte* grown = wanted > int.MaxValue ? null : (byte*)Libc.Reallocate(start, (nuint)wanted);
        if (grown == null)
            return false;
        start = grown;
        capacity = (int)wanted;
        return true;
    }
}
