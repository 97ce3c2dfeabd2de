using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>A file that a program only appends to may have grown since the dump; any other open file may not.</summary>
public sealed class LogFileTests : EndToEndTest
{
    [Theory]
    [InlineData(">>", true)]
    [InlineData(">", false)]
    public void MayGrowWhereItIsOnlyAppendedTo(string redirection, bool mayGrow)
    {
        string folder = Places.NewFolder("log"), images = Path.Combine(folder, "images"), log = Path.Combine(folder, "log");
        Directory.CreateDirectory(images);
        int pid = Child.Start(["setsid", "sh", "-c", $"exec sleep 1000 {redirection}\"$0\" 2>/dev/null </dev/null", log]);
        try
        {
            Assert.True(Child.Until(() => Proc.Text($"/proc/{pid}/comm") == "sleep\n"), "the target does not start");
            Assert.Equal(0, Engine.Native.Dump(pid, images).ExitCode);
            Child.Wait(pid, TimeSpan.FromSeconds(10));
            File.AppendAllText(log, "somebody else\n");
            EngineRun restore = Engine.Native.Restore(images);
            if (mayGrow)
                Assert.Equal(0, restore.ExitCode);
            else
                Assert.Contains("has 14 bytes, at the dump it had 0", restore.Everything);
        }
        finally
        {
            Libc.kill(pid, Libc.SIGKILL);
            Child.Wait(pid, TimeSpan.FromSeconds(5));
            Directory.Delete(folder, recursive: true);
        }
    }
}
