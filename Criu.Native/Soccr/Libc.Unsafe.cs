using System.Runtime.InteropServices;

namespace Criu.Native;

/// <summary>Memory that goes to and comes from programs in C.</summary>
internal static unsafe partial class Libc
{
    [LibraryImport("libc", EntryPoint = "malloc")]
    private static partial void* Allocate(nuint bytes);

    [LibraryImport("libc", EntryPoint = "free")]
    public static partial void Free(void* memory);

    /// <summary>Null where there is nothing to copy.</summary>
    public static byte* Copy(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return null;
        byte* copy = (byte*)Allocate((nuint)bytes.Length);
        if (copy == null)
            throw new InsufficientMemoryException($"There is no memory for {bytes.Length} bytes of a connection");
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        return copy;
    }
}
