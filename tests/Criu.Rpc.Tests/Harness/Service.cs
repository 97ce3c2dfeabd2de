using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests.Harness;

/// <summary>A <c>criu service</c> with a socket in a folder of its own, where any user may go.</summary>
internal sealed class Service : IDisposable
{
    private readonly bool _ownsFolder;

    public Service(string? folder = null, bool asUser = false)
    {
        _ownsFolder = folder == null;
        Folder = folder ?? Places.NewFolder("service");
        Pid = Child.Start([.. asUser ? User.Ordinary : [], .. Programs.Criu, "service", "--address", Socket, "-W", Folder, "-o", "service.log"]);
        Assert.True(Child.Until(() => File.Exists(Log)), "the service does not listen");
    }

    public string Folder { get; }

    public int Pid { get; }

    public string Socket => Path.Combine(Folder, "socket");

    public string Log => Path.Combine(Folder, "service.log");

    public Client Connect() => Client.Of(Socket);

    public CriuResp Ask(CriuReq request)
    {
        using Client client = Connect();
        client.Send(request);
        return client.Receive() ?? throw new InvalidOperationException("The service does not answer");
    }

    public int Descriptors => Directory.GetFiles($"/proc/{Pid}/fd").Length;

    public List<int> Workers => [.. Proc.Descendants().Where(p => Proc.Text($"/proc/{p}/status").Contains($"PPid:\t{Pid}\n", StringComparison.Ordinal))];

    public void Kill()
    {
        Libc.kill(Pid, Libc.SIGKILL);
        Child.Wait(Pid, TimeSpan.FromSeconds(5));
    }

    public void Dispose()
    {
        Kill();
        if (_ownsFolder)
            Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Asks as an ordinary user: on a thread of its own, as the kernel's own calls change the user of a thread alone.</summary>
    public CriuResp AskAsUser(CriuReq request)
    {
        CriuResp? answer = null;
        Thread thread = new(() =>
        {
            foreach (long result in (long[])[Kernel.Call(Nr.setgroups), Kernel.Call(Nr.setresgid, User.Id, User.Id, User.Id), Kernel.Call(Nr.setresuid, User.Id, User.Id, User.Id)])
                if (Kernel.Failed(result))
                    return;
            answer = Ask(request);
        });
        thread.Start();
        thread.Join();
        return answer ?? throw new InvalidOperationException("The service does not answer");
    }
}
