using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Linux.Abi;

/// <summary>
/// Raw system calls of the engine itself, through libc's <c>syscall</c>. Every call answers as the kernel does: a value, or -errno.
/// What an error means is for the caller to say.
/// </summary>
internal static partial class Kernel
{
    /// <summary>Called after each call: tests end the engine there.</summary>
    public static Action? Called { get; set; }

    /// <summary>May block: an ordinary transition, so a collection never waits for it. EINTR is retried.</summary>
    public static long Call(Nr nr, long a0 = 0, long a1 = 0, long a2 = 0, long a3 = 0, long a4 = 0, long a5 = 0)
    {
        long result;
        do
            result = CallOnce(nr, a0, a1, a2, a3, a4, a5);
        while (result == -Errno.EINTR);
        return result;
    }

    /// <summary>The same without the retry, for calls whose EINTR says something.</summary>
    public static long CallOnce(Nr nr, long a0 = 0, long a1 = 0, long a2 = 0, long a3 = 0, long a4 = 0, long a5 = 0)
    {
        long result = syscall((long)nr, a0, a1, a2, a3, a4, a5);
        if (result == -1)
            result = -Marshal.GetLastSystemError();     // SetLastError would do the same, with two more calls where nothing fails
        Called?.Invoke();
        return result;
    }

    public static bool Failed(long result) => result is < 0 and >= -4095;

    /// <summary>A path as the kernel takes it.</summary>
    public static byte[] CString(string text) => Encoding.UTF8.GetBytes(text + '\0');

    public static unsafe long OpenAt(int directory, ReadOnlySpan<byte> pathZ, int flags, int mode = 0)
    {
        fixed (byte* name = pathZ)
            return Call(Nr.openat, directory, (long)name, (uint)flags | Fcntl.O_CLOEXEC, mode);
    }

    public static long Open(string path, int flags, int mode = 0) => OpenAt(Fcntl.AT_FDCWD, CString(path), flags, mode);

    public static SafeFileHandle Own(long fd) => new((nint)fd, ownsHandle: true);

    public static int Fd(this SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    [LibraryImport("libc")]
    private static partial long syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5);
}
