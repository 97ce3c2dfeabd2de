using System.Net.Sockets;

namespace Criu.Soccr.Tests.Privilege;

/// <summary>A helper of this process, which is privileged, at a path where every user may connect.</summary>
internal sealed class Helping : IDisposable
{
    private readonly CancellationTokenSource end = new();
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Thread thread;

    public Helping(RepairHelperOptions? options = null)
    {
        File.SetUnixFileMode(Folder, (UnixFileMode)0x1ff);
        listener.Bind(new UnixDomainSocketEndPoint(Path));
        File.SetUnixFileMode(Path, (UnixFileMode)0x1ff);
        listener.Listen();
        options = (options ?? new RepairHelperOptions()) with { Log = Add };
        thread = new Thread(() => RepairHelper.Serve(listener, options, end.Token));
        thread.Start();
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("soccr-").FullName;

    public string Path => System.IO.Path.Combine(Folder, "helper");

    private readonly List<string> log = [];

    private void Add(string line)
    {
        lock (log)
            log.Add(line);
    }

    public string[] Log
    {
        get
        {
            lock (log)
                return [.. log];
        }
    }

    public void EndServing()
    {
        end.Cancel();
        thread.Join();
    }

    public void Dispose()
    {
        EndServing();
        listener.Dispose();
        end.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
