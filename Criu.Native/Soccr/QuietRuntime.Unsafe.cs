using System.Runtime;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Native.Host;

internal static unsafe partial class QuietRuntime
{
    private const int SIGFPE = 8, SIGSEGV = 11;      // asm/signal.h

    private static int threads;

    /// <summary>
    /// Leaves faults to the host. The real-time signal by which a collection stops other threads that are in managed code gets its handler: one may have come in, and be before
    /// the <see cref="Gate"/>.
    /// </summary>
    [RuntimeExport("__wrap_sigaction")]
    private static int SetAction(int signal, void* action, void* old) => signal is SIGSEGV or SIGFPE ? 0 : SetRealAction(signal, action, old);

    [DllImport("libc", EntryPoint = "__real_sigaction"), SuppressGCTransition]
    private static extern int SetRealAction(int signal, void* action, void* old);

    /// <summary>The first thread would be that of the finalizers. Another one is made, and ends, where a socket of another network namespace is asked for its keys.</summary>
    [RuntimeExport("__wrap_pthread_create")]
    private static int CreateThread(void* thread, void* attributes, void* start, void* argument) => threads++ == 0 ? 0 : CreateRealThread(thread, attributes, start, argument);

    [DllImport("libc", EntryPoint = "__real_pthread_create"), SuppressGCTransition]
    private static extern int CreateRealThread(void* thread, void* attributes, void* start, void* argument);
}
