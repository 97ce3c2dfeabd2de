using Criu.EndToEnd.Tests.Harness;

namespace Criu.Native.Tests.Harness;

/// <summary>The criu of this project as a service.</summary>
internal sealed class RealService : IDisposable
{
    private readonly int pid;

    public RealService()
    {
        Folder = Places.NewFolder("service");
        pid = Child.Start([Programs.Criu, "service", "--address", Socket, "-W", Folder, "-o", "service.log"]);
        Assert.True(Child.Until(() => File.Exists(Path.Combine(Folder, "service.log"))), "the service does not listen");
    }

    public string Folder { get; }

    public string Socket => Path.Combine(Folder, "socket");

    public void Dispose()
    {
        Libc.kill(pid, Libc.SIGKILL);
        Child.Wait(pid, TimeSpan.FromSeconds(5));
        Directory.Delete(Folder, recursive: true);
    }
}
