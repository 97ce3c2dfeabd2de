using System.Collections.Immutable;

namespace Criu.Soccr;

/// <summary>A socket option that differs from what a new socket has.</summary>
/// <param name="Level">SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP or IPPROTO_IPV6, by number.</param>
/// <param name="Number">The option's number within its level.</param>
/// <param name="Value">What getsockopt answers, and setsockopt takes: 64 bytes at most.</param>
public sealed record TcpSocketOption(int Level, int Number, ImmutableArray<byte> Value)
{
    /// <summary>The option's name in the kernel's headers, such as <c>TCP_NODELAY</c>; its number where this library does not know it.</summary>
    public string Name => OptionTable.NameOf(Level, Number);

    /// <inheritdoc/>
    public bool Equals(TcpSocketOption? other) => other != null && (Level, Number) == (other.Level, other.Number) && Value.AsSpan().SequenceEqual(other.Value.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Level, Number, Value.Length);

    /// <summary>As <c>NAME=VALUE</c>, numbers in decimal.</summary>
    public override string ToString() => $"{Name}={(Value.Length == sizeof(int) ? Invariant(BitConverter.ToInt32(Value.AsSpan())) : Convert.ToHexString(Value.AsSpan()))}";

    private static string Invariant(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
