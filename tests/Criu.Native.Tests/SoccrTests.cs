using Criu.EndToEnd.Tests.Harness;
using Criu.Native.Tests.Harness;

namespace Criu.Native.Tests;

public sealed class SoccrTests
{
    [Theory]
    [InlineData("4")]
    [InlineData("6")]
    public void AConnectionMovesToAnotherProcess(string family)
    {
        using var network = new Network();
        string[] command = [.. network.Enter, Programs.Of("move", "soccr"), family];
        var run = Command.Run(command);
        Assert.Equal((0, "received 1, sent 1, unsent 1\ndone\n"), (run.Code, run.Output + run.Errors.Replace(Refusals(run.Errors), "")));
        Assert.Equal(0, network.ResetsSent);
    }

    /// <summary>The two first calls of the program, which must fail, are told.</summary>
    private static string Refusals(string errors)
    {
        string[] lines = errors.Split('\n', 3);
        Assert.Matches("^level 1: Descriptor [0-9]+ cannot be paused: .* listens", lines[0]);
        Assert.Matches("^level 1: Descriptor -1 cannot be paused: .*EBADF", lines[1]);
        return $"{lines[0]}\n{lines[1]}\n";
    }
}
