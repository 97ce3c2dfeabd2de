using Criu.Cli.CommandLine;
using Criu.Core;
using Criu.Images;
using Linux.Abi;

namespace Criu.Cli.Reporting;

/// <summary>Makes one sentence of an exception: what failed, on what, why, and what to do.</summary>
internal static class Failure
{
    public static string Describe(Exception exception) => exception switch
    {
        CheckpointException or ImageStoreException => exception.Message,
        ImageFormatException => $"{exception.Message}. The image is damaged or none of CRIU's",
        OperationCanceledException => "Cancelled; the tree was left as it was",
        IOException or UnauthorizedAccessException => $"Reading or writing failed: {Reason(exception)}",
        NotImplementedException or NotSupportedException => $"This is not implemented yet ({exception.Message})",
        _ => $"Internal error: {exception.GetType().Name}: {exception.Message}. Run it again with -v4 -o FILE, and report it with that file",
    };

    /// <summary>The number behind these is errno where .NET has none of its own for it; their text is left out of the native binary.</summary>
    private static string Reason(Exception exception) =>
        exception.HResult >= 0 ? Errno.Name(exception.HResult) : $"{exception.GetType().Name} ({exception.Message})";
}
