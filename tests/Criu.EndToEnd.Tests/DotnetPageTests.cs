using System.Text.RegularExpressions;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>docs/dotnet.md: what it shows is what is compiled, and each example does what the page says. That of the web server runs in <see cref="KestrelTests"/>.</summary>
public sealed class DotnetPageTests : EndToEndTest
{
    private const string Examples = "examples/Criu.Core.Examples";

    [Theory]
    [InlineData($"{Examples}/InProcess.cs")]
    [InlineData($"{Examples}/Asking.cs")]
    [InlineData($"{Examples}/Prepared.cs")]
    [InlineData("tests/Criu.Kestrel.App/Program.cs")]
    public void Shows_what_is_compiled(string file)
    {
        string[] shown = [.. File.ReadAllText(Path.Combine(Places.Repository, "docs/dotnet.md")).Split("```csharp\n").Skip(1).Select(part => part.Split("```")[0])];
        Assert.Contains(File.ReadAllText(Path.Combine(Places.Repository, file)), shown);
    }

    [Fact]
    public void Dumps_and_restores_in_process()
    {
        Target target = Start(Workloads.Named("counter"));
        target.GoesOn();
        string dumped = Run(target, "dump", $"{target.Pid}", target.Images);
        Assert.Matches(@"Dump 1/\d+: .*\n(.*\n)*1 processes, \d+ pages, stopped for \d+ µs\n$", dumped);
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.EndsWith($"process {target.Pid} goes on, a child of this one\n", Run(target, "restore", target.Images));
        target.IsUntouched();
        target.GoesOn();
        target.Finish();
    }

    [Fact]
    public void Asks_a_criu()
    {
        Target target = Start(Workloads.Named("counter"));
        string output = Run(target, "ask", Engine.Native.Command[0], $"{target.Pid}", target.Images);
        Assert.Matches(@"^criu 4\.\d+\n(.*\n)*PreDump\n(.*\n)*PostDump\n", output);
        target.IsUntouched();
        target.GoesOn();
        Assert.Contains($"There is no process 4000000", Run(target, "ask", Engine.Native.Command[0], "4000000", target.Images));
        target.Finish();
    }

    [Fact]
    public void Begins_again_where_it_was_prepared()
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it changes users and restores pids");
        string folder = Places.NewFolder("prepared"), images = Path.Combine(folder, "images"), log = Path.Combine(folder, "log");
        Directory.CreateDirectory(images);
        try
        {
            int pid = Child.Start([Places.Program("launch"), folder, "022", "env", $"TMPDIR={folder}", .. Command, "self", Engine.Native.Command[0], images]);
            Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(30)));
            HashSet<string> numbers = [];
            foreach (string argument in (string[])["12", "30"])
            {
                AwaitEngines();
                string output = Path.Combine(folder, $"output{argument}");
                int restoring = Child.Start(["sh", "-c", $"exec \"$@\" > {output} 2>&1", "sh", .. Command, "again", Engine.Native.Command[0], images, argument]);
                Assert.Equal(0, Child.Wait(restoring, TimeSpan.FromSeconds(30)));
                Assert.Equal($"process {pid} goes on\n", Proc.Text(output));
                Assert.Equal(0, Child.Wait(pid, TimeSpan.FromSeconds(30)));
                Match line = Regex.Match(Proc.Text(log), @"^hello (\d+)² = (\d+), (\d+)\n$");
                Assert.True(line.Success, Proc.Text(log));
                Assert.Equal((argument, int.Parse(argument) * int.Parse(argument)), (line.Groups[1].Value, int.Parse(line.Groups[2].Value)));
                Assert.True(numbers.Add(line.Groups[3].Value), "both copies draw the same numbers");
                File.WriteAllText(log, "");                // as it was when the images were made
            }
        }
        finally
        {
            Leaks.EndDescendants();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string[] Command => ["dotnet", Path.Combine(Places.Repository, Examples, "bin/Debug/net10.0/Criu.Core.Examples.dll")];

    /// <summary>The criu that the program has started is gone, and so is all that has the program's number.</summary>
    private static void AwaitEngines()
    {
        foreach (int pid in Proc.Descendants().Where(p => Proc.Text($"/proc/{p}/cmdline").Contains("swrk", StringComparison.Ordinal)).ToArray())
            Child.Wait(pid, TimeSpan.FromSeconds(20));
    }

    private static string Run(Target target, params string[] arguments)
    {
        string output = Path.Combine(target.Folder, $"output.{arguments[0]}");
        int pid = Child.Start(["sh", "-c", $"exec \"$@\" > {output} 2>&1", "sh", .. Command, .. arguments]);
        int? code = Child.Wait(pid, TimeSpan.FromSeconds(60));
        string text = Proc.Text(output);
        target.Holds(code == 0, $"{string.Join(' ', arguments)} ended with {code}: {text}");
        return text;
    }
}
