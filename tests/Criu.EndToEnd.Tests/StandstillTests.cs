using System.Globalization;
using System.Text.RegularExpressions;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>A tree that SIGSTOP holds still is dumped again and again: a dump leaves nothing in it that the next one sees.</summary>
public sealed partial class StandstillTests : EndToEndTest
{
    /// <summary>
    /// Of those without clocks in their images: what time is left of a timer, and the timestamps of TCP. Not "blocked futex_timed": glibc's syscall(2) gets the number in a register, so nobody can
    /// tell what a thread restarts.
    /// </summary>
    private static readonly string[] Commands =
    [
        "threads 16", "tree 50", "goroutines", "cow", "shared", "memfd", "pipes", "files", "descriptors", "epoll", "inotify", "unixsockets", "unixodd", "udp quiet options", "signals", "limits",
        "prctls", "robust", "rseq", "mappings", "guards", "zombie",
        .. new[] { "nanosleep", "clock_nanosleep", "poll", "poll_timed", "futex", "ppoll", "select", "read", "wait4" }.Select(call => $"blocked {call} strictly"),
    ];

    public static TheoryData<string> Workloads => [.. Commands];

    [Theory, MemberData(nameof(Workloads))]
    public void Dumps_are_the_same_byte_by_byte(string workload)
    {
        Target target = Start(Tests.Workloads.Named(workload));
        KeepOnOneProcessor(target);
        target.GoesOn();
        HoldStill(target);
        target.Dump(Engine.Native, "-R");
        string first = Path.Combine(target.Folder, "first");
        Directory.CreateDirectory(first);
        foreach (string name in NamesIn(target.Images))
            File.Copy(Path.Combine(target.Images, name), Path.Combine(first, name));
        target.Dump(Engine.Native, "-R");
        Assert.Contains("pages-1.img", NamesIn(first));
        Assert.Equal(NamesIn(first).Order(), NamesIn(target.Images).Order());
        string[] different = [.. NamesIn(first).Where(name => !AreSame(Path.Combine(first, name), Path.Combine(target.Images, name)))];
        target.Holds(different.Length == 0, $"differs in {string.Join(", ", different)}");

        target.DumpToTheEnd(Engine.Native);
        target.Restore(Engine.Native);
        target.Tree.ForEach(pid => Libc.kill(pid, Libc.SIGCONT));
        target.IsUntouched();
        target.GoesOn();
        target.Finish();
    }

    /// <summary>The kernel tells a restartable sequence where it runs, in memory that is dumped.</summary>
    private static void KeepOnOneProcessor(Target target)
    {
        string allowed = Proc.Text("/proc/self/status").Split('\n').Single(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split('\t')[1];
        ulong first = 1ul << int.Parse(allowed.Split(',', '-')[0], CultureInfo.InvariantCulture);
        foreach (int tid in target.Tree.SelectMany(ThreadsOf))
            Assert.Equal(0, Libc.sched_setaffinity(tid, sizeof(ulong), ref first));
    }

    private static void HoldStill(Target target)
    {
        target.Tree.ForEach(pid => Libc.kill(pid, Libc.SIGSTOP));
        target.Holds(Child.Until(() => target.Tree.All(pid => Proc.State(pid) == 'Z' || ThreadsOf(pid).All(tid => Proc.Stat(pid, tid)[0] == "T"))), "does not stop");
    }

    private static IEnumerable<int> ThreadsOf(int pid) => Proc.Numbers($"/proc/{pid}/task");

    /// <summary>All but when and by which run, and the clock.</summary>
    private static string[] NamesIn(string images) =>
        [.. Directory.GetFiles(images).Select(file => Path.GetFileName(file)!).Where(name => name is not ("inventory.img" or "stats-dump" or "timens-0.img"))];

    /// <summary>But for which registers the processor holds to be as they were at its start, of those that are 0: after a signal it says now the one, now the other.</summary>
    private static bool AreSame(string first, string second) => File.ReadAllBytes(first).AsSpan().SequenceEqual(File.ReadAllBytes(second))
        || Path.GetFileName(first).StartsWith("core-", StringComparison.Ordinal) && Decoded(first) == Decoded(second);

    private static string Decoded(string image)
    {
        string json = image + ".json";
        Assert.Equal(0, Child.Wait(Child.Start([.. Engine.Native.Command, "crit", "decode", "-i", image, "-o", json]), TimeSpan.FromSeconds(60)));
        string text = File.ReadAllText(json);
        File.Delete(json);
        Assert.Contains("\"xstate_bv\"", text);
        return InitialRegisters().Replace(text, "");
    }

    [GeneratedRegex("\"xstate_bv\": *[0-9]+")]
    private static partial Regex InitialRegisters();
}
