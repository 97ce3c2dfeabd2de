using Criu.Core;
using Criu.Images;

static class InProcess
{
    public static void Dump(int pid, string folder)
    {
        foreach (string lack in Checkpoint.Check().Lacks)                  // what the kernel lacks, a sentence each
            Console.Error.WriteLine(lack);
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var images = ImageDirectory.Create(folder);
        var options = new DumpOptions { TcpEstablished = true };
        DumpResult dump = Checkpoint.Dump(pid, images, options, progress: new Steps(), cancel: patience.Token);
        Console.WriteLine($"{dump.Processes} processes, {dump.PagesWritten} pages, stopped for {dump.FrozenTime} µs");
    }

    public static void Restore(string folder)
    {
        using var images = ImageDirectory.Open(folder);
        RestoreResult restored = Checkpoint.Restore(images, new RestoreOptions { TcpEstablished = true }, progress: new Steps());
        Console.WriteLine($"process {restored.RootPid} goes on, a child of this one");
    }

    sealed class Steps : IProgress<CheckpointProgress>
    {
        public void Report(CheckpointProgress step) => Console.WriteLine($"{step.Action} {step.Step}/{step.Steps}: {step.Phase}");
    }
}
