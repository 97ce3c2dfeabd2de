using System.Diagnostics;

namespace Criu.Cli.Tests;

/// <summary>One run of the command line as a process: the assembly that was built with the tests, or the binary that CRIU_BINARY names.</summary>
internal sealed record CriuRun(int Status, string Out, string Error)
{
    public static CriuRun Of(params string[] args) => Start("", [], args);

    /// <summary>By another program, e.g. one that drops capabilities.</summary>
    public static CriuRun Under(string program, params string[] args) => Start(program, [], args);

    public static CriuRun WithInput(byte[] input, params string[] args) => Start("", input, args);

    private static CriuRun Start(string program, byte[] input, string[] args)
    {
        string? binary = Environment.GetEnvironmentVariable("CRIU_BINARY");
        string[] criu = binary == null ? ["dotnet", Path.Combine(AppContext.BaseDirectory, "criu.dll")] : [binary];
        string[] words = [.. program.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. criu, .. args];
        using var process = Process.Start(new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)), $"{string.Join(' ', words)} does not end");
        return new CriuRun(process.ExitCode, output.Result, error.Result);
    }
}

/// <summary>Where the tests run: a directory of their own, removed at the end.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("criu-cli-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
