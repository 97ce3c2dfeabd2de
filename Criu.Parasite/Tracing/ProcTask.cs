using System.Globalization;
using Linux.Abi;

namespace Criu.Parasite;

/// <summary>What /proc tells of a task while it is being seized.</summary>
internal static class ProcTask
{
    /// <summary>Whether this process has a capability now.</summary>
    public static bool HasCapability(int number) =>
        (ulong.Parse(StatusField("/proc/self/status", "CapEff:") ?? "0", NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> number & 1) != 0;

    /// <summary>A traced thread that died stays as a zombie until the guard waits for it.</summary>
    public static bool IsAlive(int pid, int tid) => State(pid, tid) is not ('Z' or 'X' or '\0');

    /// <summary>The state letter of proc_pid_stat(5); NUL where there is no such thread.</summary>
    public static char State(int pid, int tid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/task/{tid}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return '\0';
        }
    }

    public static string? Status(int pid, string field) => StatusField($"/proc/{pid}/status", field);

    /// <summary>Whether system calls of a thread are filtered: each thread may have filters of its own.</summary>
    public static bool HasSeccomp(int pid, int tid) => StatusField($"/proc/{pid}/task/{tid}/status", "Seccomp:") is not (null or "0");

    public static bool IsTraced(int pid, int tid) => StatusField($"/proc/{pid}/task/{tid}/status", "TracerPid:") is not (null or "0");

    /// <summary>Threads of a process, the leader first; empty where there is none.</summary>
    public static List<int> Threads(int pid)
    {
        var tids = new List<int>();
        try
        {
            foreach (string path in Directory.EnumerateDirectories($"/proc/{pid}/task"))
                tids.Add(int.Parse(Path.GetFileName(path.AsSpan()), CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // The process ended while we read: what there was is enough for the caller to see that.
        }
        tids.Sort((a, b) => a == pid ? b == pid ? 0 : -1 : b == pid ? 1 : a.CompareTo(b));
        return tids;
    }

    private static string? StatusField(string path, string field)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
                if (line.StartsWith(field, StringComparison.Ordinal))
                    return line[field.Length..].Trim();
        }
        catch (IOException)
        {
        }
        return null;
    }
}
