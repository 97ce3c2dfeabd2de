using System.ComponentModel;
using System.Diagnostics;
using Linux.Abi;

namespace Criu.Soccr.Benchmarks;

/// <summary>A network namespace for this program alone, so that nothing else is in its tables and it leaves nothing behind.</summary>
internal static class OwnNamespace
{
    private const string Marker = "CRIU_SOCCR_BENCHMARKS_INSIDE";

    public static bool IsInside => Environment.GetEnvironmentVariable(Marker) != null;

    /// <summary>A namespace belongs to a thread: this program again, started from a thread that is in a new one, has it in all of its threads.</summary>
    public static int RunAgain(string[] args)
    {
        if (Kernel.Call(Nr.unshare, (long)Sched.CLONE_NEWNET) is < 0 and var error)
            throw new Win32Exception((int)-error, "a network namespace of our own: run as root");
        Run("ip", ["link", "set", "lo", "up"]);
        return Run(Environment.ProcessPath!, args, isChecked: false);
    }

    private static int Run(string program, string[] args, bool isChecked = true)
    {
        var start = new ProcessStartInfo(program, args);
        start.Environment[Marker] = "1";
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode == 0 || !isChecked ? process.ExitCode : throw new InvalidOperationException($"{program} {string.Join(' ', args)} ended with {process.ExitCode}");
    }
}
