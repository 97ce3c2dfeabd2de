using Criu.EndToEnd.Tests.Harness;

namespace Criu.Native.Tests.Harness;

/// <summary>A program that runs to its end.</summary>
/// <param name="Code">Its exit code, or minus the signal that ended it; null where it was ended by us.</param>
/// <param name="Output">What it said on standard output.</param>
/// <param name="Errors">What it, and criu, said on standard error.</param>
internal readonly record struct Command(int? Code, string Output, string Errors)
{
    public static Command Run(params string[] argv)
    {
        string output = Path.GetTempFileName(), errors = Path.GetTempFileName();
        try
        {
            int pid = Child.Start(["sh", "-c", $"exec setsid \"$@\" > {output} 2> {errors} < /dev/null", "sh", .. argv]);
            int? code = Child.Wait(pid, TimeSpan.FromSeconds(60));
            if (code == null)
            {
                Libc.kill(pid, Libc.SIGKILL);
                Child.Wait(pid, TimeSpan.FromSeconds(5));
            }
            return new Command(code, File.ReadAllText(output), File.ReadAllText(errors));
        }
        finally
        {
            File.Delete(output);
            File.Delete(errors);
        }
    }

    /// <summary>Its output; the test fails where the program does.</summary>
    public static string Demand(params string[] argv)
    {
        var run = Run(argv);
        Assert.True(run.Code == 0, $"{string.Join(' ', argv)} ended with {run.Code}: {run.Output}{run.Errors}");
        return run.Output;
    }
}
