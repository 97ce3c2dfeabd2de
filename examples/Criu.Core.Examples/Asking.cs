using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;

static class Asking
{
    public static async Task Run(string criu, int pid, string folder, CancellationToken cancel)
    {
        using var client = CriuClient.OfProgram(criu);                     // or OfService("/run/criu.socket"), or OfSocket(socket)
        Console.WriteLine($"criu {await client.VersionAsync(cancel)}");
        var common = new CommonOptions { ImagesDir = folder, LogFile = "dump.log", Verbosity = 4, Tree = pid };
        try
        {
            await client.DumpAsync(common, new DumpOptions { LeaveRunning = true }, new Stages(), cancel);
        }
        catch (CheckpointException refused)
        {
            Console.Error.WriteLine(refused.Message);                      // what, on which object, why, and what to do
        }
    }

    /// <summary>What it throws stops the dump: the tree runs on.</summary>
    sealed class Stages : ICheckpointListener
    {
        public void Reached(CheckpointStage stage, int? rootPid) => Console.WriteLine(stage);
    }
}
