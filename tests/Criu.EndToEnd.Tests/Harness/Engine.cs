namespace Criu.EndToEnd.Tests.Harness;

/// <summary>What a run of the engine left behind.</summary>
internal sealed record EngineRun(string Command, int? ExitCode, string Output, string LogFile)
{
    public bool Succeeded => ExitCode == 0;

    public string Log => Proc.Text(LogFile);

    public string Everything => Output + Log;

    public string Report => $"{Command}\nended with {ExitCode?.ToString() ?? "a timeout"}{Tail("output", Output)}{Tail(Path.GetFileName(LogFile), Log)}";

    private static string Tail(string name, string text) =>
        text.Trim().Length == 0 ? "" : $"\n--- {name}\n{string.Join('\n', text.TrimEnd().Split('\n').TakeLast(25))}";
}

/// <summary>A criu: ours as a native binary, ours under CoreCLR, or another one that stands for the reference.</summary>
internal sealed record Engine(string Name, params string[] Command)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static int s_runs;

    /// <summary>Run as this user, without capabilities or with the named one alone.</summary>
    public string[] Prefix { get; init; } = [];

    public static Engine Native => new("native", Variable("CRIU_BINARY") ?? Path.Combine(Places.Artifacts, "criu"));

    /// <summary>Ours under CoreCLR, if built. Another binary in CRIU_BINARY is tested alone.</summary>
    public static Engine? Dll => (Variable("CRIU_DLL") ?? (Variable("CRIU_BINARY") == null ? FindDll() : null)) is { } dll ? new("dll", "dotnet", dll) : null;

    public static Engine? Reference => Variable("CRIU_REFERENCE") is { } binary ? new("reference", binary) : null;

    public static Engine Named(string name) => name switch
    {
        "native" => Native,
        "dll" => Dll ?? throw new InvalidOperationException("criu.dll is not built"),
        "reference" => Reference ?? throw new InvalidOperationException("CRIU_REFERENCE is not set"),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    public static IEnumerable<string> UnderTest => Dll == null ? ["native"] : ["native", "dll"];

    public EngineRun Dump(int pid, string images, params string[] options) => Run("dump", images, ["-t", $"{pid}", .. options]);

    public EngineRun Restore(string images, params string[] options) => Run("restore", images, ["-d", .. options]);

    /// <summary>Runs an action to its end. The engine's log and output lie beside the images, under a new name each time.</summary>
    public EngineRun Run(string action, string images, params string[] options)
    {
        RunningEngine run = Start(action, images, options);
        return run.Wait(Patience);
    }

    public RunningEngine Start(string action, string images, params string[] options)
    {
        string folder = $"{images.TrimEnd('/')}.{action}.{Interlocked.Increment(ref s_runs)}", log = Path.Combine(folder, $"{action}.log");
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ff);
        string[] command = [.. Command, action, "--no-default-config", "-D", images, "-v4", "-o", log, .. options];
        int pid = Child.Start([.. Prefix, Places.CopyOf(Places.Program("launch"), folder), folder, "022", .. command]);
        return new RunningEngine(pid, string.Join(' ', command), Path.Combine(folder, "log"), log);
    }

    private static string? FindDll() =>
        new[] { "Debug/net10.0/linux-x64", "Release/net10.0/linux-x64" }.Select(f => Path.Combine(Places.Repository, "Criu.Cli/bin", f, "criu.dll")).FirstOrDefault(File.Exists);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

internal sealed record RunningEngine(int Pid, string Command, string OutputFile, string LogFile)
{
    public EngineRun Wait(TimeSpan timeout)
    {
        int? code = Child.Wait(Pid, timeout);
        if (code == null)
            Kill();
        return new EngineRun(Command, code, Proc.Text(OutputFile), LogFile);
    }

    public void Kill()
    {
        Libc.kill(Pid, Libc.SIGKILL);
        Child.Wait(Pid, TimeSpan.FromSeconds(5));
    }
}
