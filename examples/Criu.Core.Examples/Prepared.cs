using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;

static class Prepared
{
    /// <summary>Does once what takes long, and leaves an image of itself that begins right after it.</summary>
    public static void Run(string criu, string folder)
    {
        var squares = Enumerable.Range(0, 1000).ToDictionary(n => n, n => n * n);
        var random = new Random();
        using var client = CriuClient.OfProgram(criu);
        SelfCheckpointResult result = SelfCheckpoint.Dump(client, new CommonOptions { ImagesDir = folder, LogFile = "dump.log" }, new DumpOptions(), new SelfCheckpointHooks
        {
            Before = () => Console.Out.Flush(),                            // and close what cannot be kept
            AfterRestore = start => random = new Random(),                 // or each copy would draw the same numbers
        });

        // Without LeaveRunning the original ends in the call: who comes here was restored.
        foreach (string argument in result.Start.Arguments ?? [])
            Console.WriteLine($"{Environment.GetEnvironmentVariable("GREETING")} {argument}² = {squares[int.Parse(argument)]}, {random.Next()}");
    }

    public static void Restore(string criu, string folder, string[] arguments)
    {
        new StartMessage { Arguments = arguments, Environment = new Dictionary<string, string?> { ["GREETING"] = "hello" } }.Save(folder);
        using var client = CriuClient.OfProgram(criu);
        int pid = client.Restore(new CommonOptions { ImagesDir = folder, LogFile = "restore.log" }, new RestoreOptions()).RootPid;
        Console.WriteLine($"process {pid} goes on");
    }
}
