using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Images;

namespace Criu.Cli.Tests;

public sealed class FailureTests
{
    public static TheoryData<Exception, string> Failures => new()
    {
        { new CheckpointException("Process 5 cannot be dumped: it holds a lock", "Add --file-locks"), "Process 5 cannot be dumped: it holds a lock. Add --file-locks" },
        { new ImageFormatException("imgs/core-1.img", 12, "cut off"), "imgs/core-1.img: cut off (at byte 12). The image is damaged or none of CRIU's" },
        { new OperationCanceledException(), "Cancelled; the tree was left as it was" },
        { new IOException("x", 28), "Reading or writing failed: ENOSPC" },
        { new InvalidOperationException("odd"), "Internal error: InvalidOperationException: odd. Run it again with -v4 -o FILE, and report it with that file" },
    };

    [Theory, MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void AreOneSentence(Exception exception, string text) => Assert.Equal(text, Failure.Describe(exception));
}
