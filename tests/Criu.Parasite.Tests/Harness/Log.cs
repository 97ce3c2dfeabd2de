using System.Globalization;

namespace Criu.Parasite.Tests.Harness;

/// <summary>
/// What a program of tests/workloads writes (see workload.h): "NAME VALUE" lines. A value that is a number is a count, which must go 1, 2, 3 ... whatever happens to the program.
/// </summary>
internal sealed class Log(string file)
{
    private static readonly HashSet<string> NoCounts = ["child", "vforked"];

    private readonly Dictionary<string, string> values = [];
    private int lines;

    /// <summary>The first thing that went wrong: a gap, a repeat, a check of the program that failed.</summary>
    public string? Problem { get; private set; }

    public string File => file;

    /// <summary>The last value under a name; "" before the first. Lines of one word have themselves as value.</summary>
    public string this[string name]
    {
        get
        {
            Read();
            return values.GetValueOrDefault(name, "");
        }
    }

    public long Count(string name) => Number(this[name]);

    /// <summary>All that is counted now.</summary>
    public Dictionary<string, long> Counts
    {
        get
        {
            Read();
            return values.Where(v => !NoCounts.Contains(v.Key)).Select(v => (v.Key, Count: Number(v.Value))).Where(v => v.Count > 0).ToDictionary(v => v.Key, v => v.Count);
        }
    }

    public string Tail => string.Join(" | ", Lines().TakeLast(6));

    private static long Number(string text) => long.TryParse(text, CultureInfo.InvariantCulture, out long number) ? number : 0;

    private string[] Lines() => Criu.EndToEnd.Tests.Harness.Proc.Text(file).Split('\n')[..^1];

    private void Read()
    {
        string[] all = Lines();
        foreach (string line in all.Skip(lines))
            Take(line);
        lines = all.Length;
    }

    private void Take(string line)
    {
        string[] words = line.Split(' ', 2);
        if (words.Length == 2 && !NoCounts.Contains(words[0]) && long.TryParse(words[1], CultureInfo.InvariantCulture, out long n)
            && n != Number(values.GetValueOrDefault(words[0], "0")) + 1)
            Problem ??= $"{words[0]} went from {values.GetValueOrDefault(words[0], "0")} to {n}";
        else if (words[0] == "FAIL")
            Problem ??= line;
        values[words[0]] = words[^1];
    }
}
