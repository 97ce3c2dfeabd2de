using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>Options of a socket that a new one of its kind does not have, as level, number and value: what CRIU's fields have no place for.</summary>
internal static class SocketDifferences
{
    private const int Longest = 64;                     // bytes

    /// <param name="socket">The socket.</param>
    /// <param name="table">Levels and numbers.</param>
    /// <param name="usual">Those of a new one, in the order of the table; null where it does not have the option.</param>
    public static IEnumerable<SocketOptionEntry> Read(SafeHandle socket, IReadOnlyList<(int Level, int Number)> table, byte[]?[] usual)
    {
        byte[] value = new byte[Longest];
        for (int i = 0; i < table.Count; i++)
            if (usual[i] is { } fresh && SocketCall.Get(socket, table[i].Level, table[i].Number, value) is >= 0 and var length && !value.AsSpan(0, (int)length).SequenceEqual(fresh))
                yield return Entry(table[i].Level, table[i].Number, value.AsSpan(0, (int)length));
    }

    public static byte[]?[] ValuesOf(SafeHandle fresh, IReadOnlyList<(int Level, int Number)> table)
    {
        byte[] value = new byte[Longest];
        return [.. table.Select(o => SocketCall.Get(fresh, o.Level, o.Number, value) is >= 0 and var length ? value[..(int)length] : null)];
    }

    public static SocketOptionEntry Entry(int level, int number, ReadOnlySpan<byte> value) => new() { Level = (uint)level, Number = (uint)number, Value = ByteString.CopyFrom(value) };

    /// <summary>By the process that has the socket.</summary>
    public static void Set(BatchStream stream, int descriptor, IEnumerable<SocketOptionEntry> options)
    {
        foreach (var option in options)
        {
            var batch = stream.Room(1, option.Value.Length + 16);
            batch.Call(Nr.setsockopt, descriptor, option.Level, option.Number, batch.Bytes(option.Value.Span), option.Value.Length);
        }
    }
}
