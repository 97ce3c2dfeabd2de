using System.Text;

namespace Criu.Core.Proc;

/// <summary>
/// A name as the kernel has it: bytes without a NUL, in no particular encoding. <see cref="ToString"/> is for messages only, it does not
/// lead back.
/// </summary>
internal readonly struct KernelPath : IEquatable<KernelPath>
{
    private readonly byte[]? bytes;

    /// <summary>Wraps the bytes without a copy: they must not change any more.</summary>
    public KernelPath(byte[] bytes) => this.bytes = bytes;

    public KernelPath(ReadOnlySpan<byte> bytes) => this.bytes = bytes.IsEmpty ? null : bytes.ToArray();

    public static KernelPath Of(string text) => new(Encoding.UTF8.GetBytes(text));

    public ReadOnlySpan<byte> Span => bytes;

    /// <summary>The bytes themselves, not a copy: not to be changed.</summary>
    public byte[] Bytes => bytes ?? [];

    public int Length => Span.Length;

    public bool IsEmpty => Length == 0;

    public bool Is(ReadOnlySpan<byte> other) => Span.SequenceEqual(other);

    public bool StartsWith(ReadOnlySpan<byte> start) => Span.StartsWith(start);

    public bool EndsWith(ReadOnlySpan<byte> end) => Span.EndsWith(end);

    /// <summary>The same without its last bytes.</summary>
    public KernelPath WithoutLast(int count) => new(Span[..^count]);

    /// <summary>With a NUL at the end, as system calls take it.</summary>
    public byte[] ToCString() => [.. Span, 0];

    public bool Equals(KernelPath other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? other) => other is KernelPath path && Equals(path);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(KernelPath a, KernelPath b) => a.Equals(b);

    public static bool operator !=(KernelPath a, KernelPath b) => !a.Equals(b);

    /// <summary>UTF-8 where it is; other bytes and control characters as <c>\xNN</c>, so that a log stays one line.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Length);
        for (var rest = Span; !rest.IsEmpty;)
        {
            bool valid = Rune.DecodeFromUtf8(rest, out var rune, out int used) == System.Buffers.OperationStatus.Done;
            if (valid && !Rune.IsControl(rune))
                text.Append(rune.ToString());
            else
                foreach (byte b in rest[..used])
                    text.Append($"\\x{b:x2}");
            rest = rest[used..];
        }
        return text.ToString();
    }
}
