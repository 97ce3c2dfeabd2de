using System.Diagnostics;
using System.Globalization;

namespace Criu.Soccr.Benchmarks;

/// <summary>
/// The same work by libsoccr, where <c>CRIU_SOCCR_REFERENCE</c> names a source tree of CRIU that was built: reference.c, compiled and linked with its soccr/libsoccr.a. A child that does
/// one round for each line that it is sent.
/// </summary>
internal sealed class Reference : IDisposable
{
    private const string Variable = "CRIU_SOCCR_REFERENCE";

    private readonly string folder;
    private readonly Process process;

    public static bool IsThere => Tree != null;

    private static string? Tree => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder ? folder : null;

    public Reference(int count, int bytes)
    {
        folder = Directory.CreateTempSubdirectory("criu-soccr-benchmarks-").FullName;
        string program = Path.Combine(folder, "reference");
        using (var compiler = Process.Start("gcc", ["-O2", "-I", $"{Tree}/soccr", "-I", $"{Tree}/include", "-o", program, Path.Combine(AppContext.BaseDirectory, "reference.c"), $"{Tree}/soccr/libsoccr.a", "-lnet"]))
        {
            compiler.WaitForExit();
            if (compiler.ExitCode != 0)
                throw new InvalidOperationException($"{Variable} is {Tree}, but reference.c could not be linked with its soccr/libsoccr.a");
        }
        string[] arguments = [count.ToString(CultureInfo.InvariantCulture), bytes.ToString(CultureInfo.InvariantCulture)];
        process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Answer();
    }

    /// <summary>The same as of <see cref="Connections.Round"/>.</summary>
    /// <returns>The processor time that it took.</returns>
    public TimeSpan Round()
    {
        process.StandardInput.WriteLine();
        process.StandardInput.Flush();
        return Answer();
    }

    private TimeSpan Answer() => process.StandardOutput.ReadLine() is { } line
        ? TimeSpan.FromMicroseconds(long.Parse(line, CultureInfo.InvariantCulture))
        : throw new InvalidOperationException("the reference has ended: what it wrote says why");

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
