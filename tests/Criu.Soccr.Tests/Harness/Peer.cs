using System.Diagnostics;
using System.Reflection;

namespace Criu.Soccr.Tests.Harness;

/// <summary>A program that is not ours at the other end: peer.py, in a namespace.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process process;

    public Peer(Namespace ns)
    {
        string script = Path.Combine(typeof(Peer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!, "tests/Criu.Soccr.Tests/Harness/peer.py");
        process = ns.Run(() => Process.Start(new ProcessStartInfo("python3", script) { RedirectStandardInput = true, RedirectStandardOutput = true })!);
    }

    /// <summary>The bytes of both streams.</summary>
    public static byte[] Sequence(long start, int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
            bytes[i] = Block.Value[(int)((start + i) % Block.Value.Length)];
        return bytes;
    }

    /// <summary>As Python's generator makes it: asked once.</summary>
    private static readonly Lazy<byte[]> Block = new(() =>
    {
        using var python = Process.Start(new ProcessStartInfo("python3", ["-c", "import random,sys; r=random.Random(7); sys.stdout.buffer.write(bytes(r.randrange(256) for _ in range(65521)))"]) { RedirectStandardOutput = true })!;
        using var bytes = new MemoryStream();
        python.StandardOutput.BaseStream.CopyTo(bytes);
        python.WaitForExit();
        return bytes.ToArray();
    });

    /// <summary>Gives a command and returns what is behind its "ok".</summary>
    public string Do(string command)
    {
        Begin(command);
        return End(command);
    }

    public void Begin(string command) => process.StandardInput.WriteLine(command);

    public string End(string command)
    {
        var line = process.StandardOutput.ReadLineAsync();
        Assert.True(line.Wait(TimeSpan.FromSeconds(70)), $"the peer does not answer to {command}");
        Assert.True(line.Result?.StartsWith("ok", StringComparison.Ordinal) == true, $"the peer to {command}: {line.Result}");
        return line.Result![2..].Trim();
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }
}
