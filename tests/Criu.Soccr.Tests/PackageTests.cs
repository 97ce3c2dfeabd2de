using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Xml.Linq;
using Criu.EndToEnd.Tests.Harness;
using Criu.Soccr.Tests.Harness;

namespace Criu.Soccr.Tests;

/// <summary>The package as others take it: what is in it, and the README's example built from it alone, by the framework and natively.</summary>
public sealed class PackageTests(Consumer consumer) : IClassFixture<Consumer>
{
    [Fact]
    public void It_has_its_README_its_documentation_and_its_licence_and_depends_on_the_framework_alone()
    {
        using var package = ZipFile.OpenRead(consumer.Package);
        string[] names = [.. package.Entries.Select(e => e.FullName).Where(n => !n.StartsWith('_') && !n.StartsWith('[') && !n.StartsWith("package/", StringComparison.Ordinal)).Order()];
        Assert.Equal(["Criu.Soccr.nuspec", "README.md", "lib/net10.0/Criu.Soccr.dll", "lib/net10.0/Criu.Soccr.xml"], names);
        Assert.Equal(File.ReadAllBytes(Path.Combine(Consumer.Root, "Criu.Soccr/README.md")), Bytes(package, "README.md"));
        Assert.Contains("M:Criu.Soccr.TcpConnection.Pause", Encoding.UTF8.GetString(Bytes(package, "lib/net10.0/Criu.Soccr.xml")), StringComparison.Ordinal);

        var metadata = XDocument.Load(new MemoryStream(Bytes(package, "Criu.Soccr.nuspec"))).Root!.Elements().Single();
        string? Text(string name) => metadata.Elements().SingleOrDefault(e => e.Name.LocalName == name)?.Value;
        Assert.Equal(("MIT", "README.md"), (Text("license"), Text("readme")));
        var group = metadata.Elements().Single(e => e.Name.LocalName == "dependencies").Elements().Single();
        Assert.Equal("net10.0", group.Attribute("targetFramework")!.Value);
        Assert.Empty(group.Elements());
        foreach (string name in names)
            foreach (string path in (string[])[Consumer.Root, consumer.Folder])
            {
                Assert.Equal(-1, Bytes(package, name).AsSpan().IndexOf(Encoding.UTF8.GetBytes(path)));
                Assert.Equal(-1, Bytes(package, name).AsSpan().IndexOf(Encoding.Unicode.GetBytes(path)));
            }
    }

    private static byte[] Bytes(ZipArchive package, string name)
    {
        using var into = new MemoryStream();
        using var from = package.GetEntry(name)!.Open();
        from.CopyTo(into);
        return into.ToArray();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_server_is_replaced_and_no_client_notices(bool isNative) => LockingNamespace.Run(() =>
    {
        const int Clients = 5, Round = 50_000;
        string folder = Directory.CreateTempSubdirectory("soccr-").FullName;
        var clients = new Socket[Clients];
        try
        {
            using (var old = new EchoServer(consumer.Command(isNative), folder, isNew: false))
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
                using var following = new EchoServer(consumer.Command(isNative), folder, isNew: true);
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

    [Fact]
    public void The_helper_of_the_examples_helps_its_user_and_ends_when_it_is_told_to() => LockingNamespace.Run(() =>
    {
        string path = Path.Combine(consumer.Folder, "helper");
        string[] command = consumer.Command(isNative: true);
        using var process = Process.Start(new ProcessStartInfo(command[0], ["helper", path, "0"]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.Equal(path, process.StandardOutput.ReadLine());
            using var client = RepairHelperClient.Connect(path);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Assert.Equal(0, client.Switch(socket.SafeHandle, RepairMode.On));
            using var held = client.OpenLock();
            Assert.Equal(NftablesLock.DefaultMark, held.Mark);
            const int SIGTERM = 15;
            Libc.kill(process.Id, SIGTERM);
            Assert.True(process.WaitForExit(60_000));
            Assert.Equal(0, process.ExitCode);
            Assert.False(File.Exists(path));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
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
