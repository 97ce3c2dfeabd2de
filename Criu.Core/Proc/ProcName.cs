using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace Criu.Core.Proc;

/// <summary>
/// The name of a file below a /proc directory, NUL-terminated and held by value: thousands of <c>fdinfo/N</c> are read and none needs an
/// allocation. <c>"stat"u8</c> converts by itself.
/// </summary>
internal struct ProcName
{
    private const int Capacity = 64;

    private Text text;
    private int length;

    public static implicit operator ProcName(ReadOnlySpan<byte> name) => default(ProcName).With(name);

    /// <summary><c>folder/number</c>, such as <c>fdinfo/3</c>.</summary>
    public static ProcName Of(ReadOnlySpan<byte> folder, int number) => default(ProcName).With(folder).With("/"u8).With(number);

    /// <summary><c>folder/number/file</c>, such as <c>task/12/stat</c>.</summary>
    public static ProcName Of(ReadOnlySpan<byte> folder, int number, ReadOnlySpan<byte> file) => Of(folder, number).With("/"u8).With(file);

    /// <summary><c>map_files/START-END</c>: the link to what a mapping maps, proc_pid_map_files(5).</summary>
    public static ProcName OfMapFile(ulong start, ulong end) => default(ProcName).With("map_files/"u8).WithHex(start).With("-"u8).WithHex(end);

    /// <summary>With the NUL at its end, as the kernel takes it.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Z => ((ReadOnlySpan<byte>)text)[..(length + 1)];

    public override readonly string ToString() => Encoding.UTF8.GetString(Z[..^1]);

    private readonly ProcName With(ReadOnlySpan<byte> more)
    {
        var longer = this;
        // Never the last byte: it stays the NUL.
        more.CopyTo(((Span<byte>)longer.text)[length..^1]);
        longer.length += more.Length;
        return longer;
    }

    private readonly ProcName With(int number)
    {
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(number, digits, out int written);
        return With(digits[..written]);
    }

    private readonly ProcName WithHex(ulong number)
    {
        Span<byte> digits = stackalloc byte[16];
        Utf8Formatter.TryFormat(number, digits, out int written, new('x'));
        return With(digits[..written]);
    }

    [InlineArray(Capacity)]
    private struct Text
    {
        private byte first;
    }
}
