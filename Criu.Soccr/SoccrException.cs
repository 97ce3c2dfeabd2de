using Linux.Abi;

namespace Criu.Soccr;

/// <summary>A connection could not be saved, restored or held: what failed, on which connection, why, and what to do.</summary>
public sealed class SoccrException : Exception
{
    internal SoccrException(string message) : base(message)
    {
    }

    /// <param name="step">The option or call, by its name in the kernel's headers.</param>
    /// <param name="subject">The connection, with its state where that matters.</param>
    /// <param name="errno">The kernel's answer.</param>
    /// <param name="cure">What to do about it.</param>
    internal SoccrException(string step, string subject, int errno, string? cure = null)
        : base($"{step} of {subject} failed: {Errno.Name(errno)}{(cure == null ? "" : $". {cure}")}") => ErrorNumber = errno;

    /// <summary>The kernel's error number, positive; 0 where it was not the kernel who refused.</summary>
    public int ErrorNumber { get; }
}
