namespace Criu.Core;

/// <summary>A dump or restore that failed: what, on which object, why, and what to do about it.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What failed, on which object, and why.</param>
    /// <param name="advice">What the user can do, as one sentence; null where there is nothing to say.</param>
    /// <param name="inner">The cause.</param>
    public CheckpointException(string message, string? advice = null, Exception? inner = null)
        : base(advice == null ? message : $"{message}. {advice}", inner) => Advice = advice;

    /// <summary>What the user can do about it.</summary>
    public string? Advice { get; }

    /// <summary>The errno that the RPC answers (<c>cr_errno</c>), e.g. EEXIST for a pid that is taken; 0 where none says more than the message.</summary>
    public int ErrorNumber { get; internal init; }
}
