using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Native;

/// <summary>What is asked of the C library rather than of the kernel. Everything is passed as it lies in memory, so no call allocates.</summary>
internal static unsafe partial class Libc
{
    [LibraryImport("libc", EntryPoint = "realloc")]
    public static partial void* Reallocate(void* memory, nuint bytes);

    [LibraryImport("libc", EntryPoint = "free")]
    public static partial void Free(void* memory);

    /// <summary>The C library's own: it knows what must be put in order in a child, and so do the handlers that the host has registered (pthread_atfork(3)).</summary>
    [LibraryImport("libc", EntryPoint = "fork")]
    public static partial int Fork();

    /// <summary>Looks for the program in PATH; answers only where it fails.</summary>
    [LibraryImport("libc", EntryPoint = "execvp")]
    public static partial int Execute(byte* file, byte** arguments);

    public static int Error
    {
        get => Marshal.GetLastSystemError();
        set => Marshal.SetLastSystemError(value);
    }

    /// <summary>A new zero-terminated copy; null where there is no memory.</summary>
    public static byte* Copy(ReadOnlySpan<byte> text)
    {
        byte* copy = (byte*)Reallocate(null, (nuint)text.Length + 1);
        if (copy == null)
            return null;
        text.CopyTo(new Span<byte>(copy, text.Length));
        copy[text.Length] = 0;
        return copy;
    }

    public static ReadOnlySpan<byte> Text(byte* text) => MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text);

    public static void Close(int fd) => Kernel.Call(Nr.close, fd);
}
