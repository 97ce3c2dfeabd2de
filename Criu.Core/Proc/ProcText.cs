namespace Criu.Core.Proc;

/// <summary>
/// The contents of one /proc file and where they came from, so that a parser's complaint names the file. One object is reused for many
/// files: what <see cref="Bytes"/> shows is valid until the next read into it.
/// </summary>
internal sealed class ProcText
{
    private byte[] buffer;
    private string directory = "";
    private ProcName name;

    /// <summary>An empty text; its buffer grows to the largest file read into it.</summary>
    /// <param name="capacity">Bytes to begin with. A seq_file answers one page a read, so less than two pages is of no use.</param>
    public ProcText(int capacity = 16 << 10) => buffer = GC.AllocateUninitializedArray<byte>(capacity);

    /// <summary>Text that was read elsewhere.</summary>
    public static ProcText Of(string file, ReadOnlySpan<byte> bytes)
    {
        var text = new ProcText(bytes.Length);
        text.Begin(file, ReadOnlySpan<byte>.Empty);
        bytes.CopyTo(text.Free);
        text.Add(bytes.Length);
        return text;
    }

    public ReadOnlySpan<byte> Bytes => buffer.AsSpan(0, Length);

    public int Length { get; private set; }

    /// <summary>Path, for messages.</summary>
    public string File => name.Z.Length == 1 ? directory : $"{directory}/{name}";

    /// <summary>The part of the buffer that is not filled yet.</summary>
    public Span<byte> Free => buffer.AsSpan(Length);

    /// <summary>One line after the other, with a complaint where the last one has no newline.</summary>
    public ProcLines Lines() => new(this, Bytes, 1);

    /// <summary>The whole text as one line, for files of one value.</summary>
    public ProcCursor Whole()
    {
        var bytes = Bytes;
        return new(this, bytes is [.., (byte)'\n'] ? bytes[..^1] : bytes, 1);
    }

    /// <summary>Empties the text and says whose contents come next.</summary>
    public void Begin(string directory, in ProcName name)
    {
        this.directory = directory;
        this.name = name;
        Length = 0;
    }

    /// <summary>Counts bytes that were put into <see cref="Free"/>.</summary>
    public void Add(int bytes) => Length += bytes;

    /// <summary>Drops bytes from the front; the rest moves there.</summary>
    public void Drop(int bytes)
    {
        buffer.AsSpan(bytes, Length - bytes).CopyTo(buffer);
        Length -= bytes;
    }

    /// <summary>Makes room where <see cref="Free"/> is used up.</summary>
    public void GrowIfFull()
    {
        if (Length == buffer.Length)
            Array.Resize(ref buffer, Math.Max(4096, checked(buffer.Length * 2)));
    }
}
