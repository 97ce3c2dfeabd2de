using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;

namespace Criu.Soccr.Tests;

/// <summary>This program once more, in the namespace of the thread that starts it: it makes a lock that holds a connection, says so, and ends or waits to be killed.</summary>
internal sealed class LockingChild : IDisposable
{
    private const string Variable = "CRIU_SOCCR_LOCKING_CHILD";
    private readonly Process process;

    /// <param name="table">The name of a persistent lock, after which the child ends; "" for an owned lock, with which it stays.</param>
    /// <param name="flow">What it holds.</param>
    public LockingChild(string table, TcpFlow flow)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(LockingChild).Assembly.Location])
        {
            Environment = { [Variable] = $"{table}|{flow.Local}|{flow.Remote}" }, RedirectStandardOutput = true, RedirectStandardInput = true,
        };
        process = Process.Start(start)!;
        Table = process.StandardOutput.ReadLine() ?? "";
        if (table != "")
            Assert.True(process.WaitForExit(60_000));
    }

    public string Table { get; }

    public void Kill()
    {
        process.Kill();                                         // SIGKILL, by its pid
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited)
            Kill();
        process.Dispose();
    }

    /// <summary>Before Main, which runs tests.</summary>
    [ModuleInitializer]
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split('|') is not [var table, var local, var remote])
            return;
        var connectionLock = table == "" ? NftablesLock.CreateOwned() : NftablesLock.CreatePersistent(table);
        connectionLock.Hold([new HeldFlow(new TcpFlow(IPEndPoint.Parse(local), IPEndPoint.Parse(remote)), null)]);
        Console.WriteLine(connectionLock.Table);
        if (table == "")
            Console.ReadLine();                                 // also ends where the test that started it dies
        Environment.Exit(0);
    }
}
