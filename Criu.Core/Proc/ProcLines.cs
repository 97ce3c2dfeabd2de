namespace Criu.Core.Proc;

/// <summary>
/// Walks a text line by line. The kernel ends each line with a newline, and escapes those inside names, so that a last line without one was
/// cut off: a number at its end would be wrong, and it is refused.
/// </summary>
internal ref struct ProcLines(ProcText source, ReadOnlySpan<byte> rest, int firstLine)
{
    private ReadOnlySpan<byte> rest = rest;

    /// <summary>Number of the next line, from 1.</summary>
    public int Number { get; private set; } = firstLine;

    public bool TryNext(out ProcCursor line)
    {
        line = default;
        if (rest.IsEmpty)
            return false;
        int end = rest.IndexOf((byte)'\n');
        if (end < 0)
            throw new ProcFormatException(source.File, Number, "the last line is cut off");
        line = new(source, rest[..end], Number++);
        rest = rest[(end + 1)..];
        return true;
    }
}
