using System.Net;
using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;

// A server that counts its requests, and that checkpoints itself when one asks for it. Arguments: port, command of criu.
int count = 0;
Random random = new(1);
StartMessage start = new();
using var criu = CriuClient.OfProgram(args[1..]);

var builder = WebApplication.CreateBuilder();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, int.Parse(args[0])));
var app = builder.Build();

app.MapGet("/", () => $"{Environment.ProcessId} {Interlocked.Increment(ref count)} {string.Join(',', start.Arguments ?? [])} {Environment.GetEnvironmentVariable("GREETING")}");
app.MapGet("/random", () => random.Next());
app.MapPost("/checkpoint", (string images, bool leave) =>
{
    try
    {
        var result = SelfCheckpoint.Dump(criu, new CommonOptions { ImagesDir = images, LogFile = "dump.log", Verbosity = 4 },
            new DumpOptions { LeaveRunning = leave, TcpEstablished = true },
            new SelfCheckpointHooks { AfterRestore = message => (start, random) = (message, new Random()) });
        return result.IsRestored ? "restored" : "dumped";
    }
    catch (CheckpointException exception)
    {
        return exception.Message;
    }
});

app.Run();
