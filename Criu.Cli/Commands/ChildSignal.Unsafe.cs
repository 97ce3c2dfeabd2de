using Linux.Abi;

namespace Criu.Cli.Commands;

/// <summary>
/// A caller that ignores SIGCHLD passes that on through exec, and the kernel then reaps our children by itself: neither a root that ends nor one whose restore failed could be
/// waited for (wait4 answers ECHILD).
/// </summary>
internal static class ChildSignal
{
    /// <summary>Before any child is made.</summary>
    public static unsafe void StopIgnoring()
    {
        const long Ignored = 1;                         // SIG_IGN
        KernelSigaction action = default, fresh = default;
        Kernel.Call(Nr.rt_sigaction, Signals.SIGCHLD, 0, (long)(&action), sizeof(ulong));
        if (action.Handler == Ignored)
            Kernel.Call(Nr.rt_sigaction, Signals.SIGCHLD, (long)(&fresh), 0, sizeof(ulong));
    }
}
