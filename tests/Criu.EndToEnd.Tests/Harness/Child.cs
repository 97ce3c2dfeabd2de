using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>
/// A child of this process, which is a child subreaper: what a restore leaves behind becomes our child too, and everything that a
/// test started, helpers of the engine among it, is found below us.
/// </summary>
internal static class Child
{
    private static readonly string[] Environment = 
    [
        "LANG=C", "HOME=/", "DOTNET_NOLOGO=1", "DOTNET_CLI_TELEMETRY_OPTOUT=1",
        .. new[] { "PATH", "DOTNET_ROOT" }.Where(n => System.Environment.GetEnvironmentVariable(n) != null).Select(n => $"{n}={System.Environment.GetEnvironmentVariable(n)}"),
    ];

    /// <summary>Children that were there before any test.</summary>
    public static HashSet<int> OfOthers { get; private set; } = [];

    [ModuleInitializer]
    internal static void BecomeSubreaper()
    {
        OfOthers = [.. Proc.Descendants()];
        Libc.prctl(Libc.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }

    public static int Start(IReadOnlyList<string> argv) => Libc.Spawn(argv, Environment);

    /// <summary>Waits for the end of one child and reaps it.</summary>
    /// <returns>The exit code, or minus the signal that ended it; null when time is up.</returns>
    public static int? Wait(int pid, TimeSpan timeout)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (true)
        {
            int got = Libc.waitpid(pid, out int status, Libc.WNOHANG);
            if (got == pid)
                return (status & 0x7f) == 0 ? status >> 8 & 0xff : -(status & 0x7f);
            if (got < 0 && !Directory.Exists($"/proc/{pid}"))
                return null;
            if (clock.Elapsed > timeout)
                return null;
            Thread.Sleep(1);
        }
    }

    /// <summary>Polls until something holds.</summary>
    public static bool Until(Func<bool> holds, int seconds = 20)
    {
        for (Stopwatch clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < seconds; Thread.Sleep(2))
        {
            if (holds())
                return true;
        }
        return holds();
    }
}
