using Criu.EndToEnd.Tests.Harness;
using Criu.Native.Tests.Harness;

namespace Criu.Native.Tests;

/// <summary>The runtime in a program that does not know of it.</summary>
public sealed class HostTests
{
    [Fact]
    public void LibcriuChangesNothingInItsHost() => Assert.Equal("", Command.Demand(Programs.Of("host")));

    /// <summary>The second real-time signal is for collections that find several threads in the library.</summary>
    [Fact]
    public void LibsoccrTakesOneSignal() => Assert.Equal("signal 34\n", Command.Demand(Programs.Of("host", "soccr", "-DSOCCR")));

    [Fact]
    public void LibcriuIsCalledBetweenForks() => Assert.Equal("done\n", Command.Demand(Programs.Of("forks"), Programs.Criu, "20"));

    [Fact]
    public void LibsoccrIsCalledBetweenForks()
    {
        using var network = new Network();
        Assert.Equal("done\n", Command.Demand([.. network.Enter, Programs.Of("forks", "soccr", "-DSOCCR"), "-", "100"]));
    }

    [Fact]
    public void BothAreLoadedAndClosedByAPlugin() =>
        Assert.Equal("done\n", Command.Demand(Programs.Of("loading"), Path.Combine(Programs.Libraries, "libcriu.so.2"), Path.Combine(Programs.Libraries, "libsoccr.so.1")));
}
