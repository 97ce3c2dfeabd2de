namespace Criu.EndToEnd.Tests.Harness;

/// <summary>What an engine may leave behind. Everything that a test starts is below this process, which is a subreaper.</summary>
internal static class Leaks
{
    /// <summary>Faults in processes that should run on by themselves; empty if there is none within two seconds.</summary>
    public static string In(IReadOnlyCollection<int> tree)
    {
        string[] faults = [];
        Child.Until(() => (faults = [.. tree.SelectMany(Faults), .. Helpers().Select(p => $"helper left: {Proc.Describe(p)}")]).Length == 0, seconds: 2);
        return string.Join('\n', faults);
    }

    /// <summary>Processes of an engine: they run from a memfd.</summary>
    private static IEnumerable<int> Helpers() => Proc.Descendants().Where(p => Proc.Link($"/proc/{p}/exe").StartsWith("/memfd:", StringComparison.Ordinal));

    private static IEnumerable<string> Faults(int pid)
    {
        foreach (int tid in Proc.Numbers($"/proc/{pid}/task"))
        {
            string status = Proc.Text($"/proc/{pid}/task/{tid}/status");
            if (status.Length > 0 && !status.Contains("TracerPid:\t0\n", StringComparison.Ordinal))
                yield return $"{pid}/{tid} is traced";
            if (status.Contains("State:\tt", StringComparison.Ordinal))
                yield return $"{pid}/{tid} is held by a tracer";
        }
    }

    /// <summary>Kills and reaps all that is left below this process, and says what it was.</summary>
    public static List<string> EndDescendants(params int[] but)
    {
        List<string> ended = [];
        for (List<int> left; (left = [.. Proc.Descendants().Where(p => !Child.OfOthers.Contains(p) && !but.Contains(p))]).Count > 0 && ended.Count < 10000;)
        {
            foreach (int pid in left)
            {
                ended.Add(Proc.Describe(pid));
                Libc.kill(pid, Libc.SIGKILL);
            }
            foreach (int pid in left)
                Child.Wait(pid, TimeSpan.FromMilliseconds(200));
        }
        return ended;
    }
}
