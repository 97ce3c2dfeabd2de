using System.Runtime.InteropServices;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>The calls that .NET has no word for. Everything is waited for by pid, never "any child".</summary>
internal static partial class Libc
{
    public const int SIGKILL = 9, SIGSTOP = 19, SIGCONT = 18, WNOHANG = 1, PR_SET_CHILD_SUBREAPER = 36;

    /// <summary>Starts a program, looked up in PATH, with no descriptor of ours but what launch.c sets up.</summary>
    public static unsafe int Spawn(IReadOnlyList<string> argv, IReadOnlyList<string> environment)
    {
        nint[] arguments = [.. argv.Select(Marshal.StringToCoTaskMemUTF8), 0], variables = [.. environment.Select(Marshal.StringToCoTaskMemUTF8), 0];
        try
        {
            fixed (nint* a = arguments, e = variables)
            {
                int error = posix_spawnp(out int pid, argv[0], null, null, a, e);
                return error == 0 ? pid : throw new InvalidOperationException($"posix_spawnp of {argv[0]}: error {error}");
            }
        }
        finally
        {
            foreach (nint text in arguments.Concat(variables))
                Marshal.FreeCoTaskMem(text);
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int posix_spawnp(out int pid, string file, void* actions, void* attributes, nint* argv, nint* environment);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int waitpid(int pid, out int status, int options);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int kill(int pid, int signal);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_setaffinity(int tid, nint size, ref ulong mask);

    [LibraryImport("libc")]
    public static partial int prctl(int option, nint a, nint b, nint c, nint d);

    [LibraryImport("libc")]
    public static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int mount(string source, string target, string type, nuint flags, string data);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int umount2(string target, int flags);
}
