using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Criu.Soccr.Tests.Harness;

namespace Criu.Soccr.Tests;

/// <summary>The package's README: its example is what <see cref="ReplacedServer"/> runs, and it does what it says.</summary>
public sealed class ReadmeTests
{
    private static string Root => typeof(ReadmeTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!;

    [Fact]
    public void The_example_is_the_code_that_is_tested()
    {
        string tested = Unindented(File.ReadAllText(Path.Combine(Root, "tests/Criu.Soccr.Tests/ReplacedServer.cs")));
        string[] examples = [.. File.ReadAllText(Path.Combine(Root, "Criu.Soccr/README.md")).Split("```csharp\n").Skip(1).Select(part => part.Split("```")[0])];
        Assert.Equal(2, examples.Length);
        Assert.All(examples, example => Assert.Contains(Unindented(example), tested, StringComparison.Ordinal));
    }

    private static string Unindented(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()));

    [Fact]
    public void A_server_is_replaced_and_no_client_notices() => LockingNamespace.Run(() =>
    {
        const int Clients = 5, Round = 50_000;
        string folder = Directory.CreateTempSubdirectory("soccr-").FullName;
        var clients = new Socket[Clients];
        try
        {
            using (var old = new ReplacedServer(folder, isNew: false))
            {
                for (int i = 0; i < Clients; i++)
                {
                    clients[i] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
                    clients[i].Connect(IPEndPoint.Parse(old.Says));
                    Echo(clients[i], 0, Round);
                }
                old.SaveAndEnd();
                foreach (var client in clients)
                    client.Send(Peer.Sequence(Round, Round));            // nobody is there now
                using var following = new ReplacedServer(folder, isNew: true);
                Assert.Equal(old.Says, following.Says);
                foreach (var client in clients)
                {
                    Expect(client, Round, Round);
                    Echo(client, 2 * Round, Round);
                }
                using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
                late.Connect(IPEndPoint.Parse(following.Says));
                Echo(late, 0, Round);
                Assert.Equal(0, Resets());
            }
        }
        finally
        {
            foreach (var client in clients)
                client?.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    });

    /// <summary>OutRsts of this namespace.</summary>
    private static int Resets()
    {
        string[][] lines = [.. File.ReadAllLines("/proc/thread-self/net/snmp").Where(l => l.StartsWith("Tcp:", StringComparison.Ordinal)).Select(l => l.Split(' '))];
        return int.Parse(lines[1][Array.IndexOf(lines[0], "OutRsts")], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static void Echo(Socket socket, int from, int count)
    {
        socket.Send(Peer.Sequence(from, count));
        Expect(socket, from, count);
    }

    private static void Expect(Socket socket, int from, int count)
    {
        byte[] got = new byte[count];
        for (int at = 0, more; at < count; at += more)
            if ((more = socket.Receive(got.AsSpan(at))) == 0)
                Assert.Fail($"the stream ends after {at} bytes");
        Assert.Equal(Peer.Sequence(from, count), got);
    }
}
