using System.Runtime;

namespace Criu.Native.Host;

internal static unsafe partial class QuietRuntime
{
    /// <summary>Sets no handler at all: nothing here allocates, so there is never a collection.</summary>
    [RuntimeExport("__wrap_sigaction")]
    private static int SetAction(int signal, void* action, void* old) => 0;

    /// <summary>Nor any thread.</summary>
    [RuntimeExport("__wrap_pthread_create")]
    private static int CreateThread(void* thread, void* attributes, void* start, void* argument) => 0;
}
