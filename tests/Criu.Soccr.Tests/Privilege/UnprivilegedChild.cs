using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests.Privilege;

/// <summary>
/// This program once more, as an ordinary user without any capability, from a copy that he can read. It has one connection; commands come by standard input, one a line, each
/// answered by one, as with peer.py.
/// </summary>
internal sealed class UnprivilegedChild : IDisposable
{
    public const int User = 65534;
    private const string Variable = "CRIU_SOCCR_UNPRIVILEGED";
    private readonly Process process;

    /// <param name="folder">A folder for the copy, and for what it saves.</param>
    /// <param name="helper">The path of the helper's socket.</param>
    /// <param name="ns">Where it runs.</param>
    public UnprivilegedChild(string folder, string helper, Namespace ns)
    {
        var start = new ProcessStartInfo("setpriv", [$"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs",
            "dotnet", "exec", Path.Combine(Copy(folder), Path.GetFileName(typeof(UnprivilegedChild).Assembly.Location))])
        {
            Environment = { [Variable] = helper, ["DOTNET_EnableDiagnostics"] = "0" }, WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        process = ns.Run(() => Process.Start(start)!);
    }

    private static string Copy(string folder)
    {
        const UnixFileMode All = (UnixFileMode)0x1ff;
        string copy = Path.Combine(folder, "program");
        File.SetUnixFileMode(folder, All);
        if (Directory.Exists(copy))
            return copy;
        Directory.CreateDirectory(copy, All);
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        File.SetUnixFileMode(copy, All);
        foreach (string file in Directory.GetFiles(copy))
            File.SetUnixFileMode(file, (UnixFileMode)0x1a4);
        return copy;
    }

    public string Do(string command)
    {
        Begin(command);
        return End(command);
    }

    public void Begin(string command) => process.StandardInput.WriteLine(command);

    public string End(string command)
    {
        var line = process.StandardOutput.ReadLineAsync();
        Assert.True(line.Wait(TimeSpan.FromSeconds(70)), $"the child does not answer to {command}");
        Assert.True(line.Result?.StartsWith("ok", StringComparison.Ordinal) == true, $"the child to {command}: {line.Result}");
        return line.Result![2..].Trim();
    }

    public void End()
    {
        process.StandardInput.Close();
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
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } path)
            return;
        using (var state = new Connection(path))
            while (Console.ReadLine() is { } line)
                Console.WriteLine(state.Answer(line.Split(' ')));
        Kernel.Call(Nr.exit_group, 0);                  // at once: what measures coverage would write its file at the end, which this user may not
    }

    private sealed class Connection(string path) : IDisposable
    {
        private Socket? socket;
        private RepairHelperClient? helper;
        private long sent, received;

        private RepairHelperClient Helper => helper ??= RepairHelperClient.Connect(path);

        public string Answer(string[] words)
        {
            try
            {
                return $"ok {Do(words)}";
            }
            catch (Exception e)
            {
                return $"{words[0]}: {e.ToString().ReplaceLineEndings(" | ")}";
            }
        }

        private string Do(string[] words)
        {
            switch (words[0])
            {
                case "capabilities":
                    return string.Join(' ', File.ReadAllLines("/proc/self/status").Where(l => l.StartsWith("Cap", StringComparison.Ordinal)).Select(l => l.Split('\t')[1]).Distinct());
                case "connect":
                    socket = new Socket(IPAddress.Parse(words[1]).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                    socket.Connect(IPAddress.Parse(words[1]), int.Parse(words[2]));
                    break;
                case "alone":
                    using (TcpConnection.Pause(socket!))
                        return "";
                case "filter":
                    using (var held = new SocketFilterLock(words.Length > 1 ? Helper : null))
                        held.Hold([new HeldFlow(new TcpFlow((IPEndPoint)socket!.LocalEndPoint!, (IPEndPoint)socket.RemoteEndPoint!), socket.SafeHandle)]);
                    break;
                case "set":
                    return Helper.Set(socket!.SafeHandle, Enum.Parse<PrivilegedOption>(words[1]), BitConverter.GetBytes(int.Parse(words[2]))).ToString();
                case "send":
                    sent += socket!.Send(Peer.Sequence(sent, int.Parse(words[1])));
                    break;
                case "read":
                    Read(int.Parse(words[1]));
                    break;
                case "eof":
                    return socket!.Receive(new byte[1]) == 0 ? "" : throw new InvalidOperationException("there is more");
                case "shut":
                    socket!.Shutdown(SocketShutdown.Send);
                    break;
                case "save":
                    return Save(words[1]);
                case "restore":
                    (sent, received) = (long.Parse(words[2]), long.Parse(words[3]));
                    Restore(words[1]);
                    break;
                default:
                    throw new NotSupportedException();
            }
            return "";
        }

        private void Read(int count)
        {
            byte[] buffer = new byte[count];
            socket!.ReceiveTimeout = 60_000;
            for (int got = 0, more; got < count; got += more)
                if ((more = socket.Receive(buffer, got, count - got, SocketFlags.None)) == 0)
                    throw new EndOfStreamException($"after {received + got} bytes");
            if (!buffer.AsSpan().SequenceEqual(Peer.Sequence(received, count)))
                throw new InvalidDataException($"behind byte {received}");
            received += count;
        }

        private string Save(string file)
        {
            using var held = Helper.OpenLock();
            using var paused = TcpConnection.PauseAll([socket!], new SoccrOptions { RepairSwitch = Helper, Lock = held });
            File.WriteAllBytes(file, paused.Save()[0].ToBytes());
            paused.Leave();
            return $"{sent} {received}";
        }

        private void Restore(string file)
        {
            using var held = Helper.OpenLock();
            using var restored = TcpConnection.RestoreAll([TcpConnectionState.FromBytes(File.ReadAllBytes(file))], new SoccrOptions { RepairSwitch = Helper, Lock = held });
            socket = restored.Resume()[0];
        }

        public void Dispose()
        {
            socket?.Dispose();
            helper?.Dispose();
        }
    }
}
