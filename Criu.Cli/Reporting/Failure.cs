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
        UsageException or CheckpointException or ImageStoreException => exception.Message,
        ImageFormatException => $"{exception.Message}. The image is damaged or none of CRIU's",
        OperationCanceledException => "Cancelled; the tree was left as it was",
        // The number behind these is errno on Linux; their text is left out of the native binary.
        IOException or UnauthorizedAccessException => $"Reading or writing failed: {Errno.Name(exception.HResult)} ({exception.Message})",
        NotImplementedException or NotSupportedException => $"This is not implemented yet ({exception.Message})",
        _ => $"Internal error: {exception.GetType().Name}: {exception.Message}. Run it again with -v4 -o FILE, and report it with that file",
    };
}
