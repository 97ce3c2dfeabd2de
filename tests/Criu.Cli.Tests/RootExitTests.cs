using System.Runtime.InteropServices;
using Criu.Cli.Commands;
using Criu.Core;

namespace Criu.Cli.Tests;

/// <summary>Children that .NET knows nothing of, as the restored root is.</summary>
public sealed partial class RootExitTests
{
    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 42", 42)]
    [InlineData("kill -9 $$", 137)]
    [InlineData("kill -15 $$", 143)]
    public void EndsAsTheRootDoes(string script, int status) => Assert.Equal(status, RootExit.Await(Start(script)));

    [Fact]
    public void SaysThatTheRootIsNoChild() =>
        Assert.Contains("its root, process 1, cannot be waited for: ECHILD", Assert.Throws<CheckpointException>(() => RootExit.Await(1)).Message);

    private static int Start(string script)
    {
        Assert.Equal(0, posix_spawn(out int pid, "/bin/sh", 0, 0, ["sh", "-c", script, null], [null]));
        return pid;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn(out int pid, string path, nint actions, nint attributes, string?[] arguments, string?[] environment);
}
