using System.Diagnostics;

namespace Criu.Soccr.Tests.Harness;

/// <summary>The echo server of the examples, in a process of its own and the caller's network namespace.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly Process process;

    /// <param name="command">What runs the examples.</param>
    /// <param name="folder">Where it saves to, and restores from.</param>
    /// <param name="isNew">Whether it restores.</param>
    public EchoServer(string[] command, string folder, bool isNew)
    {
        process = Process.Start(new ProcessStartInfo(command[0], [.. command[1..], isNew ? "next-server" : "server", folder]) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        Says = process.StandardOutput.ReadLine() ?? "";
    }

    /// <summary>Its address when it is ready.</summary>
    public string Says { get; }

    public void SaveAndEnd()
    {
        process.StandardInput.WriteLine();
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(0, process.ExitCode);
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }
        process.Dispose();
    }
}
