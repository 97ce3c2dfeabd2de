using Criu.EndToEnd.Tests.Harness;
using Xunit.Sdk;

namespace Criu.Parasite.Tests.Harness;

/// <summary>A program that runs, to be seized. It must look afterwards as it did before, and go on.</summary>
internal sealed class Program : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const string AllBlocked = "fffffffffffbfeff";

    private readonly Dictionary<int, string> masks = [];

    /// <param name="command">A workload with its arguments.</param>
    /// <param name="asUser">Run by an ordinary user without capabilities.</param>
    public Program(string command, bool asUser = false)
    {
        string name = command.Split(' ')[0];
        Command = command;
        Folder = Places.NewFolder(name);
        Log = new Log(Path.Combine(Folder, "log"));
        string launch = Places.CopyOf(Places.Program("launch"), Folder), program = Places.CopyOf(Places.Program(name), Folder);
        Pid = Child.Start([.. asUser ? User.Ordinary : [], launch, Folder, "022", program, .. command.Split(' ')[1..]]);
        Await(() => Log["ready"] != "", "does not begin");
    }

    public string Command { get; }
    public string Folder { get; }
    public int Pid { get; }
    public Log Log { get; }

    /// <summary>Others stop it: it may be found so.</summary>
    private bool MayBeStopped => Command == "numbered stop";

    public IEnumerable<int> Threads => Proc.Numbers($"/proc/{Pid}/task");

    /// <summary>Notes how the threads are, for <see cref="IsUnharmed"/>. Call it in a quiet moment.</summary>
    public Program Noted()
    {
        foreach (int tid in Threads)
            masks[tid] = Status(tid, "SigBlk");
        foreach (var (tid, _) in masks.Where(m => m.Value == AllBlocked).ToArray())
            masks.Remove(tid);                                  // a thread of Go that is just being made
        return this;
    }

    /// <summary>A child of the program that is in a state.</summary>
    public int ChildIn(char state)
    {
        int child = 0;
        Await(() => (child = Proc.Tree(Pid).Skip(1).FirstOrDefault(p => Proc.State(p) == state)) != 0, $"has no child in state {state}");
        return child;
    }

    public string Status(int tid, string field) =>
        Proc.Text($"/proc/{Pid}/task/{tid}/status").Split('\n').FirstOrDefault(l => l.StartsWith(field + ":", StringComparison.Ordinal))?[(field.Length + 1)..].Trim() ?? "";

    /// <summary>Nothing is left of those who held it: no tracer, no stop, no mask, no mapping, no descriptor.</summary>
    public void IsUnharmed()
    {
        string[] faults = [];
        Holds(Child.Until(() => (faults = [.. Faults(Pid, MayBeStopped), .. MaskFaults()]).Length == 0), string.Join('\n', ["is harmed:", .. faults]));
        Holds(Log is { Problem: null }, "fails");
    }

    /// <summary>The same of any process.</summary>
    public static IEnumerable<string> Faults(int pid, bool mayBeStopped)
    {
        foreach (int tid in Proc.Numbers($"/proc/{pid}/task"))
        {
            string[] status = Proc.Text($"/proc/{pid}/task/{tid}/status").Split('\n');
            string state = status.FirstOrDefault(l => l.StartsWith("State:", StringComparison.Ordinal)) ?? "";
            if (state.Contains('t', StringComparison.Ordinal) && state.Contains("tracing", StringComparison.Ordinal) || state.Contains("(stopped)", StringComparison.Ordinal) && !mayBeStopped)
                yield return $"thread {tid} {state}";
            if (status.FirstOrDefault(l => l.StartsWith("TracerPid:", StringComparison.Ordinal)) is { } tracer && tracer != "TracerPid:\t0")
                yield return $"thread {tid} {tracer}";
        }
        foreach (string line in Proc.Text($"/proc/{pid}/maps").Split('\n'))
            if (line.Contains(" rw-s ", StringComparison.Ordinal) && (line.Contains("/dev/zero", StringComparison.Ordinal) || line.Contains("/memfd:", StringComparison.Ordinal)))
                yield return line;
        foreach (int fd in Proc.Numbers($"/proc/{pid}/fd"))
            if (Proc.Link($"/proc/{pid}/fd/{fd}").Contains("memfd:", StringComparison.Ordinal))
                yield return $"descriptor {fd} is a memfd";
    }

    private IEnumerable<string> MaskFaults() =>
        Threads.Where(t => masks.ContainsKey(t)).Select(t => (t, mask: Status(t, "SigBlk"))).Where(m => m.mask != "" && m.mask != masks[m.t]).Select(m => $"thread {m.t} blocks {m.mask}, not {masks[m.t]}");

    /// <summary>Every count goes on.</summary>
    public void GoesOn(int by = 2)
    {
        var before = Log.Counts;
        Holds(before.Count > 0 || Log["ready"] != "", "counts nothing");
        Await(() => Log.Counts is { Count: > 0 } now && before.All(c => now[c.Key] >= c.Value + by), "does not go on");
    }

    /// <summary>Asks the program to end, which it does well only if its last checks hold.</summary>
    public void Finish()
    {
        File.WriteAllText(Path.Combine(Folder, "finish"), "");
        int? code = Child.Wait(Pid, Patience);
        Holds(code == 0 && Log["done"] != "" && Log.Problem == null, $"ended with {code?.ToString() ?? "a timeout"}");
    }

    public void Await(Func<bool> holds, string otherwise)
    {
        bool Ended() => Log.Problem != null || Proc.State(Pid) is '-' || Proc.State(Pid) == 'Z' && !Threads.Skip(1).Any();
        Child.Until(() => holds() || Ended(), (int)Patience.TotalSeconds);
        Holds(holds() && Log.Problem == null, otherwise);
    }

    public void Holds(bool condition, string otherwise)
    {
        if (!condition)
            throw new XunitException($"{Command} (pid {Pid}, state {Proc.State(Pid)}) {otherwise}\nproblem: {Log.Problem}\nlog: {Log.Tail}\nthreads: "
                + string.Join("; ", Threads.Take(10).Select(t => $"{t} {Status(t, "State")} tracer {Status(t, "TracerPid")} at {Proc.Text($"/proc/{Pid}/task/{t}/syscall").Trim()}")));
    }

    /// <summary>Ends it and all below it, by pid.</summary>
    public void Dispose()
    {
        var all = Proc.Tree(Pid);
        foreach (int pid in all)
            Libc.kill(pid, Libc.SIGKILL);
        foreach (int pid in all)
            Child.Wait(pid, TimeSpan.FromSeconds(5));
        Directory.Delete(Folder, recursive: true);
    }
}
