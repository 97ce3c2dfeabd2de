using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Criu.Soccr.Tests;

/// <summary>The example of Criu.Soccr/README.md, in processes of its own: an echo server, told when to save and end.</summary>
internal sealed class ReplacedServer : IDisposable
{
    private const string Variable = "CRIU_SOCCR_SERVER";
    private readonly Process process;

    /// <param name="folder">Where it saves to, and restores from.</param>
    /// <param name="isNew">Whether it restores.</param>
    public ReplacedServer(string folder, bool isNew)
    {
        process = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(ReplacedServer).Assembly.Location])
        {
            Environment = { [Variable] = $"{(isNew ? "new" : "old")}|{folder}" }, RedirectStandardOutput = true, RedirectStandardInput = true,
        })!;
        Says = process.StandardOutput.ReadLine() ?? "";
    }

    /// <summary>Its address when it is ready.</summary>
    public string Says { get; }

    public void SaveAndEnd()
    {
        process.StandardInput.WriteLine();
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(0, process.ExitCode);
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }
        process.Dispose();
    }

    /// <summary>Before Main, which runs tests.</summary>
    [ModuleInitializer]
    internal static void RunAsServer()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split('|') is not [var kind, var folder])
            return;
        try
        {
            Serve(kind == "new" ? Restore(folder) : [Listen()], folder);
            Environment.Exit(0);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            Environment.Exit(1);
        }
    }

    private static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(50);
        return listener;
    }

    /// <summary>Echoes, one client at a time as they are ready; a line of standard input ends it.</summary>
    private static void Serve(Socket[] sockets, string folder)
    {
        Console.WriteLine(sockets[0].LocalEndPoint);
        var wasAsked = Task.Run(Console.ReadLine);
        var clients = sockets[1..].ToList();
        byte[] buffer = new byte[100_000];
        while (!wasAsked.IsCompleted)
        {
            if (sockets[0].Poll(10_000, SelectMode.SelectRead))
                clients.Add(sockets[0].Accept());
            foreach (var client in clients)
                if (client.Available > 0)
                    client.Send(buffer.AsSpan(0, client.Receive(buffer)));
        }
        if (wasAsked.Result == "")
            Save(sockets[0], clients, folder);
    }

    // From here on, as in the README.

    static void Save(Socket listener, IReadOnlyList<Socket> clients, string folder)
    {
        using var held = NftablesLock.CreatePersistent("my-server");           // stays when this process ends
        var options = new SoccrOptions { Lock = held };
        using var paused = TcpConnection.PauseAll([listener, .. clients], options);
        var states = paused.Save();
        for (int i = 0; i < states.Length; i++)
            File.WriteAllBytes(Path.Combine(folder, $"{i}.tcp"), states[i].ToBytes());
        paused.Leave();                                                        // no FIN, no reset; the sockets are disposed
    }

    static Socket[] Restore(string folder)
    {
        using var held = NftablesLock.Open("my-server");
        var options = new SoccrOptions { Lock = held };
        int count = Directory.GetFiles(folder, "*.tcp").Length;
        var states = Enumerable.Range(0, count).Select(i => TcpConnectionState.FromBytes(File.ReadAllBytes(Path.Combine(folder, $"{i}.tcp")))).ToArray();
        using var restored = TcpConnection.RestoreAll(states, options);
        var sockets = restored.Resume();                                       // ordinary sockets, the listener first
        held.Remove();
        return sockets;
    }
}
