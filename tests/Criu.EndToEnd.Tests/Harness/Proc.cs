namespace Criu.EndToEnd.Tests.Harness;

/// <summary>A few looks into /proc. Whatever is gone meanwhile reads as nothing.</summary>
internal static class Proc
{
    public static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public static string Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public static IEnumerable<int> Numbers(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory).Select(Path.GetFileName).Where(n => int.TryParse(n, out _)).Select(n => int.Parse(n!)).Order()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The fields of stat behind the name: [0] is the state, [1] the parent, [2] the process group, [3] the session.</summary>
    public static string[] Stat(int pid, int tid = 0)
    {
        string text = Text(tid == 0 ? $"/proc/{pid}/stat" : $"/proc/{pid}/task/{tid}/stat");
        return text.Length == 0 ? [] : text[(text.LastIndexOf(')') + 2)..].TrimEnd().Split(' ');
    }

    public static char State(int pid) => Stat(pid) is [var state, ..] ? state[0] : '-';

    /// <summary>A process and everything below it, parents first.</summary>
    public static List<int> Tree(int root)
    {
        var children = Numbers("/proc").Select(p => (Pid: p, Stat: Stat(p))).Where(p => p.Stat.Length > 1).ToLookup(p => int.Parse(p.Stat[1]), p => p.Pid);
        List<int> found = [root];
        for (int i = 0; i < found.Count; i++)
            found.AddRange(children[found[i]]);
        return found;
    }

    public static List<int> Descendants() => Tree(Environment.ProcessId)[1..];

    public static string Describe(int pid) =>
        $"{pid} ({Text($"/proc/{pid}/comm").Trim()}, state {State(pid)}, parent {(Stat(pid) is [_, var parent, ..] ? parent : "?")}, exe {Link($"/proc/{pid}/exe")})";
}
