using Criu.EndToEnd.Tests.Harness;
using Xunit.Sdk;

[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Criu.Parasite.Tests.Harness;

/// <summary>A test that holds programs. Afterwards no guard may be left, and the programs end.</summary>
public abstract class ParasiteTest : IDisposable
{
    private readonly List<IDisposable> mine = [];

    internal Program Start(string command, bool asUser = false)
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it starts programs of other users");
        return Mine(new Program(command, asUser)).Noted();
    }

    internal EngineProcess Engine(params string[] arguments) => Mine(new EngineProcess(asUser: false, arguments));

    internal EngineProcess EngineOfUser(params string[] arguments) => Mine(new EngineProcess(asUser: true, arguments));

    internal T Mine<T>(T disposable) where T : IDisposable
    {
        mine.Add(disposable);
        return disposable;
    }

    /// <summary>Helpers of an engine that are left below us. Those whose engine has died become our children, who reap them.</summary>
    internal static string[] HelpersLeft(int seconds = 20)
    {
        List<int> left = [];
        Child.Until(() => (left = [.. Proc.Descendants().Where(p => IsHelper(p) && !Reap(p))]).Count == 0, seconds);
        return [.. left.Select(Proc.Describe)];
    }

    private static bool IsHelper(int pid) => Proc.Text($"/proc/{pid}/comm").StartsWith("memfd:stub", StringComparison.Ordinal) || Proc.Link($"/proc/{pid}/exe").StartsWith("/memfd:stub", StringComparison.Ordinal);

    private static bool Reap(int pid) => Proc.State(pid) == 'Z' && Libc.waitpid(pid, out _, Libc.WNOHANG | Linux.Abi.Sched.WALL) == pid;

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        foreach (var holder in mine.Where(m => m is not Program).Reverse())
            holder.Dispose();
        string[] left = [.. HelpersLeft().Select(h => $"left: {h}"), .. mine.OfType<Program>().Select(p => p.Log.Problem).OfType<string>()];
        foreach (var program in mine.OfType<Program>())
            program.Dispose();
        if (left.Length > 0)
            throw new XunitException(string.Join('\n', left));
    }
}
