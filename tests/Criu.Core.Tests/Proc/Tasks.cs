using System.Diagnostics;

namespace Criu.Core.Tests.Proc;

/// <summary>Waiting for a child to be what it will stay.</summary>
internal static class Tasks
{
    /// <summary>Until the child has executed its program and sleeps in it, so that nothing about it changes any more.</summary>
    public static bool SleepsInside(int pid, string program)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < 20; Thread.Sleep(5))
        {
            // The call under way: nothing while it runs, and then clock_nanosleep (230).
            if (File.ReadAllText($"/proc/{pid}/comm") == program + "\n" && File.ReadAllText($"/proc/{pid}/syscall").StartsWith("230 "))
                return true;
        }
        return false;
    }
}
