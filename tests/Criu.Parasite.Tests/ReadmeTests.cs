using System.Text;
using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;

namespace Criu.Parasite.Tests;

/// <summary>The example of Criu.Parasite/README.md: the same lines, run.</summary>
public sealed class ReadmeTests : ParasiteTest
{
    [Fact]
    public void The_example_runs()
    {
        var program = Start("counter");
        int pid = program.Pid;
        string answer;
        // <example>
        using (var tracee = Tracee.Seize(pid))                      // every thread held; Dispose lets go, unharmed
        {
            const int AtFdCwd = -100, ReadOnly = 0;
            var batch = tracee.NewBatch();
            var fd = batch.Call(Syscall.Openat, AtFdCwd, batch.Text("/proc/self/comm"), ReadOnly);
            var length = batch.Call(Syscall.Read, fd, batch.Buffer(256, out var bytes), 256);
            batch.Call(Syscall.Close, fd);
            tracee.Run(batch);                                      // one round trip; no ptrace stop
            answer = Encoding.UTF8.GetString(bytes.Span[..(int)length.Value]);
        }
        // </example>
        Assert.Equal("counter\n", answer);
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void The_example_is_the_one_of_the_readme()
    {
        string[] here = Example(File.ReadAllLines(Path.Combine(Places.Repository, "tests/Criu.Parasite.Tests/ReadmeTests.cs")), "// <example>", "// </example>");
        string[] there = Example(File.ReadAllLines(Path.Combine(Places.Repository, "Criu.Parasite/README.md")), "```csharp", "```");
        Assert.Equal(here, there);
    }

    private static string[] Example(string[] lines, string begin, string end)
    {
        string[] trimmed = [.. lines.Select(l => l.Trim()).SkipWhile(l => l != begin).Skip(1)];
        return [.. trimmed.TakeWhile(l => l != end)];
    }
}
