using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>
/// What the kernel shows of a process tree from outside, as lines "pid what: value". Two pictures of the same tree must be equal,
/// before a dump and after a restore. Numbers that name an object (a pipe, a deleted file) are replaced by the order in which they
/// are met, so that sharing counts and the number does not.
/// </summary>
internal sealed partial class ProcessPicture
{
    private static readonly string[] Status =
    [
        "Name", "Umask", "Tgid", "Pid", "PPid", "TracerPid", "Uid", "Gid", "Groups", "NStgid", "NSpid", "NSpgid", "NSsid", "Threads", "SigPnd", "ShdPnd",
        "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Cpus_allowed", "THP_enabled",
    ];

    private static readonly (int Index, string Name)[] StatFields =
    [
        (2, "pgrp"), (3, "session"), (4, "tty"), (16, "nice"), (23, "start_code"), (24, "end_code"), (25, "start_stack"), (35, "exit_signal"), (37, "rt_priority"),
        (38, "policy"), (42, "start_data"), (43, "end_data"), (44, "start_brk"), (45, "arg_start"), (46, "arg_end"), (47, "env_start"), (48, "env_end"), (49, "exit_code"),
    ];

    private readonly SortedDictionary<string, string> _lines = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _numbers = [];

    public static ProcessPicture Of(IEnumerable<int> pids)
    {
        ProcessPicture picture = new();
        foreach (int pid in pids)
            picture.Draw(pid);
        return picture;
    }

    /// <summary>
    /// A picture without a passing moment in it, such as a descriptor that is open for one check only. Alike in several rounds of what is looked at: where that was preempted in such a moment,
    /// any number of looks in a row would be alike too.
    /// </summary>
    /// <param name="pids">What to look at, asked each time.</param>
    /// <param name="awaitNextRound">False where none will come.</param>
    /// <param name="changes">What changes by itself.</param>
    public static ProcessPicture Settled(Func<IEnumerable<int>> pids, Func<bool> awaitNextRound, params Regex?[] changes)
    {
        const int Rounds = 3;
        ProcessPicture last = Of(pids());
        Stopwatch clock = Stopwatch.StartNew();
        for (int alike = 1; alike < Rounds && clock.Elapsed.TotalSeconds < 10 && awaitNextRound();)
        {
            ProcessPicture next = Of(pids());
            alike = last.Difference(next, changes).Length == 0 ? alike + 1 : 1;
            last = next;
        }
        return last;
    }

    /// <summary>The lines of one picture that the other lacks; nothing when both are equal.</summary>
    public string Difference(ProcessPicture after, params Regex?[] changes)
    {
        IEnumerable<string> Missing(ProcessPicture here, ProcessPicture there, char sign) =>
            here._lines.Where(l => there._lines.GetValueOrDefault(l.Key) != l.Value && !changes.Any(c => c?.IsMatch(l.Key) == true)).Select(l => $"{sign} {l.Key}: {l.Value}");

        string[] all = [.. Missing(this, after, '-'), .. Missing(after, this, '+')];
        return string.Join('\n', all.OrderBy(l => l[2..], StringComparer.Ordinal).Take(40)) + (all.Length > 40 ? $"\n... {all.Length} lines in all" : "");
    }

    private void Draw(int pid)
    {
        string root = $"/proc/{pid}/";
        char state = Proc.State(pid);
        _lines[$"{pid} state"] = state is 'T' or 'Z' or 't' ? state.ToString() : "alive";
        _lines[$"{pid} comm"] = Printable(Proc.Text(root + "comm"));
        DrawStat(pid, Proc.Stat(pid));
        if (state == 'Z')
            return;                                      // all that its parent can still learn of it
        foreach (string link in (string[])["exe", "cwd", "root", "ns/mnt", "ns/net", "ns/pid", "ns/user", "ns/uts", "ns/ipc", "ns/cgroup"])
            _lines[$"{pid} {link}"] = Proc.Link(root + link);
        foreach (string file in (string[])["cmdline", "environ", "auxv", "personality", "coredump_filter", "oom_score_adj", "cgroup", "timers"])
            _lines[$"{pid} {file}"] = Printable(Proc.Text(root + file));
        foreach (string line in Proc.Text(root + "limits").Split('\n').Skip(1).Where(l => l.Length > 26))
            _lines[$"{pid} limit {line[..26].Trim()}"] = Spaces().Replace(line[26..].Trim(), " ");
        foreach (Mapping mapping in Mapping.Of(Proc.Text(root + "smaps")))
            _lines[$"{pid} map {mapping.Start:x16}"] = mapping.Nameless ? mapping with { File = Number(mapping.File) } + "" : mapping.ToString();
        DrawDescriptors(pid, root);
        foreach (int tid in Proc.Numbers(root + "task"))
            DrawThread(pid, tid);
    }

    private void DrawStat(int pid, string[] stat)
    {
        foreach (var (index, name) in StatFields.Where(f => f.Index < stat.Length))
            _lines[$"{pid} stat {name}"] = stat[index];
    }

    private void DrawThread(int pid, int tid)
    {
        string root = $"/proc/{pid}/task/{tid}/";
        foreach (string[] field in Proc.Text(root + "status").Split('\n').Select(l => l.Split(":\t", 2)).Where(f => f.Length == 2 && Status.Contains(f[0])))
            _lines[$"{pid} thread {tid} {field[0]}"] = field[1].Trim();
        foreach (var (index, name) in StatFields.Where(f => f.Name is "nice" or "rt_priority" or "policy"))
            _lines[$"{pid} thread {tid} stat {name}"] = Proc.Stat(pid, tid).ElementAtOrDefault(index) ?? "";
    }

    private void DrawDescriptors(int pid, string root)
    {
        foreach (int fd in Proc.Numbers(root + "fd"))
        {
            string link = Proc.Link(root + $"fd/{fd}");
            bool log = Path.GetFileName(link) == "log";
            _lines[$"{pid} fd {fd}"] = ObjectNumber().Replace(link, m => $"[{Number(m.Value)}]");
            foreach (string line in Proc.Text(root + $"fdinfo/{fd}").Split('\n').Where(l => l.Length > 0 && !NamedByNumber().IsMatch(l) && !(log && l.StartsWith("pos:", StringComparison.Ordinal))))
                _lines[$"{pid} fd {fd} {(line.StartsWith("tfd:", StringComparison.Ordinal) ? line[..14] : line.Split(':')[0])}"] = Spaces().Replace(InodeField().Replace(line, ""), " ");
        }
    }

    private string Number(string name) => "#" + (_numbers.TryGetValue(name, out int known) ? known : _numbers[name] = _numbers.Count).ToString(CultureInfo.InvariantCulture);

    private static string Printable(string text) => string.Concat(text.TrimEnd('\n').Select(c => c == '\n' ? " | " : char.IsBetween(c, ' ', '~') ? c.ToString() : $"\\{(int)c:x2}"));

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex ObjectNumber();

    [GeneratedRegex("^(ino|eventfd-id|mnt_id):")]
    private static partial Regex NamedByNumber();

    [GeneratedRegex(@"\b(pos|ino|sdev):\s*\S+")]
    private static partial Regex InodeField();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
