namespace Criu.Native;

/// <summary>Bytes in memory of the C library that lie between a program and us: a queue, or an address. Whoever has them frees them.</summary>
internal unsafe struct Lent
{
    public const uint Exclusive = 1;                 // SOCCR_MEM_EXCL

    private byte* start;
    private bool isOurs;

    public readonly byte* Start => start;

    /// <summary>Something else takes its place.</summary>
    public void Put(byte* bytes, bool owned)
    {
        Free();
        start = bytes;
        isOurs = owned;
    }

    /// <summary>Shows it to the program, or gives it away; then it is here no longer.</summary>
    public byte* Give(uint flags)
    {
        byte* given = start;
        if ((flags & Exclusive) != 0)
            this = default;
        return given;
    }

    public void Free()
    {
        if (isOurs)
            Libc.Free(start);
        this = default;
    }
}
