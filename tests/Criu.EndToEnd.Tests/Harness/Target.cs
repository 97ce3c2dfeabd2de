using System.Text;
using System.Text.RegularExpressions;
using Xunit.Sdk;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>A workload that runs, is dumped and comes back under the same pid. Every wait that fails reports all that is known.</summary>
internal sealed class Target : IDisposable
{
    private TickLog _log;
    private readonly List<EngineRun> _runs = [];

    public Workload Workload { get; }
    public string Folder { get; }
    public int Pid { get; }

    public string Home => Path.Combine(Folder, "home");

    public string Images => Path.Combine(Folder, "images");

    public string LogFile => Path.Combine(Home, "log");

    /// <summary>Where it runs; null: in that of the tests.</summary>
    public Network? Network { get; }

    private readonly bool _ownsNetwork;

    public Target(Workload workload, bool asUser = false, Network? network = null)
    {
        Workload = workload;
        _ownsNetwork = network == null && workload.OwnNetwork;
        Network = network ?? (_ownsNetwork ? new Network() : null);
        Folder = Places.NewFolder(workload.Program);
        foreach (string folder in (string[])[Home, Images])
            Directory.CreateDirectory(folder, (UnixFileMode)0x1ff);
        File.SetUnixFileMode(Home, (UnixFileMode)0x1ff);
        File.SetUnixFileMode(Images, (UnixFileMode)0x1ff);
        _log = new TickLog(LogFile);
        string launch = Places.CopyOf(Places.Program("launch"), Folder), program = Places.CopyOf(Places.Program(workload.Program), Folder);
        using IDisposable? lowest = workload.Program == "terminals" ? TerminalMaster.HoldLowest() : null;
        Pid = Child.Start([.. Network?.Enter ?? [], .. asUser ? User.Ordinary : [], launch, Home, "022", program, .. workload.Arguments]);
        try
        {
            Await(() => _log.Counts.Count >= workload.Counters && _log.Ready, "does not become ready");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Everything that runs under this target's root now.</summary>
    public List<int> Tree => Proc.Tree(Pid);

    public ProcessPicture Picture() => ProcessPicture.Settled(() => Tree, AwaitNextRound, Workload.Changes);

    private bool AwaitNextRound()
    {
        Func<bool> isNextRound = CountsOn(by: 1);
        Child.Until(() => isNextRound() || HasFailed, seconds: 2);
        return !HasFailed;
    }

    private bool HasFailed => _log.Problem != null || IsOver;

    /// <summary>Every counter goes on, each from where it was.</summary>
    public void GoesOn()
    {
        var before = _log.Counts.ToDictionary();
        Await(CountsOn(), "does not go on");
        Holds(Workload.StandsStill is not { } still || _log.Counts[still] == before[still], $"should not move: {Workload.StandsStill}");
    }

    /// <summary>Whether every counter went on since this was called.</summary>
    public Func<bool> CountsOn(int by = 2)
    {
        var before = _log.Counts.ToDictionary();
        return () => _log.Counts.Count >= Workload.Counters && before.All(c => c.Key == Workload.StandsStill || _log.Counts[c.Key] >= c.Value + by);
    }

    /// <summary>How many counters have begun.</summary>
    public int Counts => _log.Counts.Count;

    public bool Has(string counter, long count) => _log.Counts.GetValueOrDefault(counter) >= count;

    public bool IsOver => Proc.State(Pid) is '-' or 'Z';

    /// <summary>Puts back the log that belongs to the images, after a restored target wrote to it.</summary>
    public void RewindLog(byte[] contents)
    {
        File.WriteAllBytes(LogFile, contents);
        _log = new TickLog(LogFile);
    }

    /// <summary>Keeps the run for the report of whatever fails later.</summary>
    public EngineRun Note(EngineRun run)
    {
        _runs.Add(run);
        return run;
    }

    /// <summary>An action that must fail, and say why in words that match each of the patterns.</summary>
    public void Refuses(EngineRun run, params string[] patterns)
    {
        Note(run);
        Holds(run.ExitCode is > 0 and < 128, "should be refused in good order");
        foreach (string pattern in patterns)
            Holds(Regex.IsMatch(run.Everything, pattern, RegexOptions.IgnoreCase), $"should be refused with a message that has {pattern}");
        Holds(!run.Everything.Contains("Unhandled exception", StringComparison.Ordinal), "should be refused without a crash");
    }

    /// <summary>What a failed dump must leave: no images that look complete, and a target that runs on as it was.</summary>
    public void SurvivedAFailedDump(ProcessPicture before)
    {
        Holds(!File.Exists(Path.Combine(Images, "inventory.img")), "has images that look complete");
        IsUntouched();
        GoesOn();
        LooksLike(before);
    }

    public EngineRun TryDump(Engine engine, params string[] options) => Note(Here(engine).Dump(Pid, Images, [.. Workload.Options, .. options]));

    public EngineRun TryRestore(Engine engine, params string[] options) => Note(Here(engine).Restore(Images, [.. Workload.Options, .. options]));

    /// <summary>The engine where the target is.</summary>
    public Engine Here(Engine engine) => Network?.With(engine) ?? engine;

    public void Dump(Engine engine, params string[] options)
    {
        EngineRun run = TryDump(engine, options);
        Holds(run.Succeeded, "cannot be dumped");
    }

    public void Restore(Engine engine, params string[] options)
    {
        EngineRun run = TryRestore(engine, options);
        Holds(run.Succeeded, "cannot be restored");
    }

    /// <summary>Dumps with the end of the target. The pids are free again when this returns: a zombie would keep its own.</summary>
    public void DumpToTheEnd(Engine engine, params string[] options)
    {
        List<int> tree = Tree;
        Dump(engine, options);
        foreach (int pid in tree)
            Child.Wait(pid, TimeSpan.FromSeconds(10));
        Holds(!tree.Any(p => Directory.Exists($"/proc/{p}")), "is still there after its dump");
    }

    public void LooksLike(ProcessPicture before, Regex? alsoChanges = null)
    {
        string difference = "";
        bool same = Child.Until(() => (difference = before.Difference(Picture(), Workload.Changes, alsoChanges)).Length == 0, seconds: 10);
        Holds(same, $"does not look as before:\n{difference}\n");
    }

    /// <summary>Nothing of the engine is left: no tracer, no stop that was not there, no helper process.</summary>
    public void IsUntouched()
    {
        string leaks = Leaks.In(Tree);
        Holds(leaks.Length == 0, $"is not left alone:\n{leaks}");
    }

    public void AskToFinish() => File.WriteAllText(Path.Combine(Home, "finish"), "");

    /// <summary>Asks the workload to end, which it does only if its last checks hold as well.</summary>
    public void Finish()
    {
        AskToFinish();
        int? code = Child.Wait(Pid, TimeSpan.FromSeconds(20));
        _ = _log.Counts;
        Holds(code == 0 && _log is { Done: true, Problem: null }, $"ended with {code?.ToString() ?? "a timeout"}");
    }

    public void Holds(bool condition, string otherwise)
    {
        if (!condition)
            throw new XunitException(Report(otherwise));
    }

    public void Await(Func<bool> holds, string otherwise) =>
        Holds(Child.Until(() => holds() || HasFailed) && holds() && _log.Problem == null, otherwise);

    private string Report(string what)
    {
        StringBuilder text = new($"{Workload.Command} {what}");
        if (_log.Problem != null)
            text.Append($"\nproblem: {_log.Problem}");
        text.Append($"\nlog ends: {_log.Tail}\nprocesses: {string.Join("; ", Tree.Take(10).Select(Proc.Describe))}");
        foreach (EngineRun run in _runs.TakeLast(2))
            text.Append("\n\n").Append(run.Report);
        return text.ToString();
    }

    /// <summary>A failed restore leaves no process of the target and no helper.</summary>
    public void IsGone(string when = "after a failed restore")
    {
        Holds(Child.Until(() => IsOver, seconds: 2), $"is there {when}");
        string leaks = Leaks.In([]);
        Holds(leaks.Length == 0, $"left something {when}:\n{leaks}");
    }

    /// <summary>What was restored, or half restored, under this target's pid, is ended.</summary>
    /// <param name="but">Others that run on.</param>
    public void End(params int[] but)
    {
        foreach (int pid in Tree)
            Libc.kill(pid, Libc.SIGKILL);
        Leaks.EndDescendants(but);
    }

    /// <summary>Ends whatever is left of it, by pid, roots first so that nothing is restarted by a parent.</summary>
    public void Dispose()
    {
        End();
        Directory.Delete(Folder, recursive: true);
        if (_ownsNetwork)
            Network!.Dispose();
    }
}
