using Criu.EndToEnd.Tests.Harness;

namespace Criu.Parasite.Tests.Harness;

/// <summary>An engine in a process of its own, to be killed. Native where that was published, else under CoreCLR, which takes longer to get going.</summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly string Native = Path.Combine(Places.Artifacts, "parasite-engine");
    private static readonly string[] DllFolders = [.. new[] { "Debug", "Release" }.Select(c => Path.Combine(Places.Repository, "tests/Criu.Parasite.Engine/bin", c, "net10.0/linux-x64"))];

    private readonly string folder;
    private int? exitCode;

    /// <param name="asUser">Run by an ordinary user without capabilities.</param>
    /// <param name="arguments">See the engine's source.</param>
    public EngineProcess(bool asUser, params string[] arguments)
    {
        folder = Places.NewFolder("engine");
        string launch = Places.CopyOf(Places.Program("launch"), folder);
        Pid = Child.Start([.. asUser ? User.Ordinary : [], launch, folder, "022", .. Command, .. arguments]);
    }

    /// <summary>One that is older than the build is of yesterday.</summary>
    public static bool IsNative { get; } = File.Exists(Native) && File.GetLastWriteTimeUtc(Native) > File.GetLastWriteTimeUtc(Dll);

    /// <summary>How long it takes to be in the middle of things, in milliseconds.</summary>
    public static int Spread => IsNative ? 30 : 300;

    private static string[] Command => IsNative ? [Native] : ["dotnet", Dll];

    private static string Dll => Path.Combine(DllFolders.FirstOrDefault(f => File.Exists(Path.Combine(f, "Criu.Parasite.Engine.dll")))
        ?? throw new FileNotFoundException("Criu.Parasite.Engine is not built"), "Criu.Parasite.Engine.dll");

    public int Pid { get; }

    public string Output => Proc.Text(Path.Combine(folder, "log"));

    /// <summary>The first line, once it is there.</summary>
    public string FirstLine()
    {
        Assert.True(Child.Until(() => Output.Contains('\n', StringComparison.Ordinal) || Proc.State(Pid) is 'Z' or '-', seconds: 60), "the engine says nothing");
        return Output.Split('\n')[0];
    }

    /// <summary>Tells an engine that holds to let go.</summary>
    public void Go() => File.WriteAllText(Path.Combine(folder, "go"), "");

    /// <summary>Exit code, or minus the signal that ended it.</summary>
    public int Wait()
    {
        exitCode ??= Child.Wait(Pid, TimeSpan.FromSeconds(90));
        Assert.True(exitCode != null, $"the engine does not end: {Output}");
        return exitCode.Value;
    }

    public void Kill()
    {
        Libc.kill(Pid, Libc.SIGKILL);
        Wait();
    }

    public void Dispose()
    {
        if (exitCode == null)
            Kill();
        Directory.Delete(folder, recursive: true);
    }
}
