using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Linux.Abi;

[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Criu.Soccr.Tests.Harness;

/// <summary>A network namespace of the test's own: that of a thread, gone when the thread and the sockets made in it are.</summary>
internal sealed class Namespace : IDisposable
{
    private readonly BlockingCollection<Action> work = [];
    private readonly Thread thread;

    public Namespace()
    {
        thread = new Thread(Loop) { IsBackground = true };
        thread.Start();
        Run(() =>
        {
            Tid = (int)Kernel.Call(Nr.gettid);
            Assert.Equal(0, Kernel.Call(Nr.unshare, (long)Sched.CLONE_NEWNET));
        });
        Ip("link set lo up");
    }

    /// <summary>The thread that it belongs to.</summary>
    public int Tid { get; private set; }

    private void Loop()
    {
        foreach (var one in work.GetConsumingEnumerable())
            one();
    }

    /// <summary>Runs something on the thread that is in the namespace.</summary>
    public void Run(Action one) => Run(() =>
    {
        one();
        return 0;
    });

    public T Run<T>(Func<T> one)
    {
        T? result = default;
        Exception? failure = null;
        using var done = new ManualResetEventSlim();
        work.Add(() =>
        {
            try
            {
                result = one();
            }
            catch (Exception e)
            {
                failure = e;
            }
            done.Set();
        });
        done.Wait();
        if (failure != null)
            ExceptionDispatchInfo.Throw(failure);
        return result!;
    }

    /// <summary>A cable between two, with an address at each end.</summary>
    public static void Connect(Namespace a, Namespace b)
    {
        a.Ip($"link add v type veth peer name v netns {b.Tid}");
        foreach (var (ns, number) in new[] { (a, 1), (b, 2) })
        {
            ns.Ip($"addr add 10.7.0.{number}/24 dev v");
            ns.Ip($"addr add fd07::{number}/64 dev v nodad");
            ns.Ip("link set v up");
        }
    }

    public void Ip(string arguments) => Do("ip", arguments.Split(' '));

    /// <summary>Runs a program there, which must succeed, and returns what it says.</summary>
    public string Do(string program, params string[] arguments) => Run(() =>
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var says = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}");
        return says.Result;
    });

    /// <summary>A file below /proc/sys/net, which shows each namespace its own.</summary>
    public void Set(string name, string value) => Run(() => File.WriteAllText($"/proc/sys/net/{name}", value));

    /// <summary>A counter of <c>Tcp</c> in /proc/net/snmp, or of another group in /proc/net/netstat.</summary>
    public long Counter(string name, string group = "Tcp") => Run(() =>
    {
        string[] lines = [.. File.ReadAllLines($"/proc/thread-self/net/{(group == "Tcp" ? "snmp" : "netstat")}").Where(l => l.StartsWith(group + ":", StringComparison.Ordinal))];
        return long.Parse(lines[1].Split(' ')[Array.IndexOf(lines[0].Split(' '), name)], System.Globalization.CultureInfo.InvariantCulture);
    });

    public void Dispose()
    {
        work.CompleteAdding();
        thread.Join();
        work.Dispose();
    }
}
