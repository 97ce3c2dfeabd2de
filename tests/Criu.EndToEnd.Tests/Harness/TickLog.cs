using System.Text;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>The log of a workload (see workload.h), read on as it grows: each counter must count 1, 2, 3 ... whatever happens to it.</summary>
internal sealed class TickLog(string file)
{
    private readonly Dictionary<string, long> _counts = [];
    private long _position;
    private string _rest = "";

    public bool Ready { get; private set; }
    public bool Done { get; private set; }

    /// <summary>The first thing that went wrong: a gap, a repeat, a check of the workload that failed, an unknown line.</summary>
    public string? Problem { get; private set; }

    public IReadOnlyDictionary<string, long> Counts
    {
        get
        {
            foreach (string line in NewLines())
                Take(line);
            return _counts;
        }
    }

    public string Tail => string.Join('\n', Proc.Text(file).TrimEnd().Split('\n').TakeLast(5));

    private string[] NewLines()
    {
        if (!File.Exists(file))
            return [];
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        stream.Position = _position;
        byte[] bytes = new byte[stream.Length - _position];
        _position += stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        string[] lines = (_rest + Encoding.UTF8.GetString(bytes)).Split('\n');
        _rest = lines[^1];
        return lines[..^1];
    }

    private void Take(string line)
    {
        string[] words = line.Split(' ', 3);
        if (line == "ready")
            Ready = true;
        else if (line == "done")
            Done = true;
        else if (words is [var counter, var number] && long.TryParse(number, out long n))
        {
            long last = _counts.GetValueOrDefault(counter);
            if (n != last + 1)
                Problem ??= $"{counter} went from {last} to {n}";
            _counts[counter] = n;
        }
        else
            Problem ??= line;
    }
}
