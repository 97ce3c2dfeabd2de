using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>Batches with the kernel's own names of the calls.</summary>
internal static class BatchCalls
{
    /// <summary>A call that must succeed.</summary>
    public static StepResult Call(this SyscallBatch batch, Nr nr, params ReadOnlySpan<Argument> arguments) => batch.Call((Syscall)nr, arguments);

    /// <summary>A call whose error is looked at, or does not matter.</summary>
    public static StepResult Try(this SyscallBatch batch, Nr nr, params ReadOnlySpan<Argument> arguments) => batch.Try((Syscall)nr, arguments);
}
