using System.Runtime;

namespace Criu.Native.Host;

/// <summary>
/// What the runtime would change in the program that it is loaded into, when the first export is called: SIGPIPE ignored, handlers for SIGSEGV, SIGFPE and the second
/// real-time signal, a thread for finalizers. The host would feel each: children inherit an ignored SIGPIPE, a handler of the host's own is lost, setns(2) and unshare(2)
/// refuse a process with threads. The linker sends those calls of the runtime here (--wrap), and they are not made.
/// </summary>
/// <remarks>
/// Nobody misses them. Bytes are sent with MSG_NOSIGNAL; a null pointer of ours ends the host as one in C would; finalizers have nothing to do where everything is
/// disposed. The signal is for a collection that finds another thread in managed code: see SetAction of each library.
/// </remarks>
internal static unsafe partial class QuietRuntime
{
    [RuntimeExport("__wrap_signal")]
    private static void* SetHandler(int signal, void* handler) => null;
}
