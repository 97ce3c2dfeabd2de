using Linux.Abi;

namespace Criu.Parasite;

/// <summary>Something about a process that could not be done: the operation, the object, and the kernel's answer.</summary>
public sealed class ParasiteException : Exception
{
    /// <summary>Creates the exception for an answer of the kernel.</summary>
    /// <param name="operation">What was tried, e.g. <c>PTRACE_SEIZE</c>.</param>
    /// <param name="target">On what, e.g. <c>pid 12</c>.</param>
    /// <param name="errno">The error number, positive; 0 where the kernel did not answer.</param>
    /// <param name="hint">What it usually means, and what to do.</param>
    public ParasiteException(string operation, string target, int errno, string? hint = null)
        : base($"{operation} of {target} failed: {Errno.Name(errno)}{(hint == null ? "" : $" ({hint})")}") => ErrorNumber = errno;

    /// <summary>Creates the exception for a state that the kernel did not answer with an error number.</summary>
    /// <param name="message">What, on which object, and why.</param>
    public ParasiteException(string message) : base(message)
    {
    }

    /// <summary>The kernel's error number, positive; 0 where there is none.</summary>
    public int ErrorNumber { get; }

    internal static long Check(long result, string operation, string target) =>
        Kernel.Failed(result) ? throw new ParasiteException(operation, target, (int)-result) : result;
}
