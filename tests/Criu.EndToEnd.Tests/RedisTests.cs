using System.Globalization;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>A real server, Debian's redis, with 200 clients that talk to it without a pause and check each answer: none of them may notice that it was dumped and restored.</summary>
public sealed class RedisTests : EndToEndTest
{
    private const string Server = "/usr/bin/redis-server", Port = "7379";
    private const int Clients = 200, Rounds = 3;

    private readonly string _folder = Places.NewFolder("redis");

    [Fact]
    public void Two_hundred_clients_go_on()
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it changes users and restores pids");
        Network network = NewNetwork();
        string images = NewFolder("images"), serverHome = NewFolder("server"), clientsHome = NewFolder("clients");
        int server = Start(network, serverHome, Server, "--port", Port, "--save", "", "--appendonly", "no", "--dir", serverHome), clients = 0;
        try
        {
            Holds(Child.Until(() => Proc.Text(Path.Combine(serverHome, "log")).Contains("Ready to accept connections", StringComparison.Ordinal)), "redis does not begin", serverHome);
            clients = Start(network, clientsHome, "/usr/bin/python3", Places.Program("redis-clients.py"), Port, $"{Clients}", clientsHome);
            long resets = network.ResetsSent;
            GoOn(clientsHome, clients);
            for (int round = 0; round < Rounds; round++)
            {
                EngineRun dump = network.With(Engine.Native).Dump(server, images, "--tcp-established");
                Holds(dump.Succeeded, dump.Report, serverHome);
                Child.Wait(server, TimeSpan.FromSeconds(10));
                EngineRun restore = network.With(Engine.Native).Restore(images, "--tcp-established");
                Holds(restore.Succeeded, restore.Report, serverHome);
                GoOn(clientsHome, clients);
            }
            Holds(network.ResetsSent == resets, "a connection was reset", serverHome);
            File.WriteAllText(Path.Combine(clientsHome, "finish"), "");
            int? code = Child.Wait(clients, TimeSpan.FromSeconds(30));
            Holds(code == 0, $"the clients ended with {code}", clientsHome);
            Holds(network.Held.Length == 0, $"held still: {network.Held}", serverHome);
        }
        finally
        {
            End(clients);
            End(server);
            Directory.Delete(_folder, recursive: true);
        }
    }

    private string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    private static int Start(Network network, string home, params string[] command) => Child.Start([.. network.Enter, Places.Program("launch"), home, "022", .. command]);

    /// <summary>Every client finishes some more rounds.</summary>
    private static void GoOn(string home, int clients)
    {
        long before = Least(home);
        Holds(Child.Until(() => Least(home) >= before + 5 || !Directory.Exists($"/proc/{clients}") || Proc.State(clients) == 'Z', seconds: 60) && Least(home) >= before + 5, "not every client goes on", home);
    }

    private static long Least(string home) =>
        Proc.Text(Path.Combine(home, "progress")).Split(' ') is [var least, _] && long.TryParse(least, CultureInfo.InvariantCulture, out long rounds) ? rounds : 0;

    private static void Holds(bool condition, string otherwise, string home) =>
        Assert.True(condition, condition ? null : $"{otherwise}\nlog of {home} ends: {Proc.Text(Path.Combine(home, "log"))[^Math.Min(2000, Proc.Text(Path.Combine(home, "log")).Length)..]}");

    private static void End(int pid)
    {
        if (pid <= 0 || !Directory.Exists($"/proc/{pid}"))
            return;
        Libc.kill(pid, Libc.SIGKILL);
        Child.Wait(pid, TimeSpan.FromSeconds(5));
    }
}
