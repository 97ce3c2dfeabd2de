using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary>A program that asks a service for the dump of itself, and reads what became of it on the same socket.</summary>
public sealed class SelfDumpTests : EndToEndTest, IDisposable
{
    // DUMP with images_dir_fd and leave_running, written by hand; then what comes back is kept, and the program ends when it is told to.
    private const string Program = """
        import os, socket, sys, time
        path, images, running, result = sys.argv[1:]
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(path)
        opts = bytes([0x08, os.open(images, os.O_DIRECTORY), 0x18, int(running), 0x48, 4])
        s.send(bytes([0x08, 1, 0x12, len(opts)]) + opts)
        answer = s.recv(4096)
        with open(result, "a") as f:
            f.write(answer.hex() + " " + s.recv(4096).hex() + "\n")
        while not os.path.exists(result + ".end"):
            time.sleep(0.01)
        """;

    // criu_resp: type DUMP, success, dump { restored }.
    private const string Lives = "080110011a020800 \n", Restored = "080110011a020801 \n";

    private readonly string _folder = Places.NewFolder("self");

    void IDisposable.Dispose()
    {
        Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void IsToldThatItLivesOn()
    {
        using Service service = new();
        int pid = Start(service, running: true, out string images, out string result);
        Assert.True(Child.Until(() => File.Exists(result)), "there is no answer");
        Assert.True(Child.Until(() => File.ReadAllText(result) == Lives), File.ReadAllText(result));
        Assert.True(File.Exists(Path.Combine(images, "inventory.img")));
        File.WriteAllText(result + ".end", "");
        Assert.Equal(0, Child.Wait(pid, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void IsToldThatItWasRestored()
    {
        using Service service = new();
        int pid = Start(service, running: false, out string images, out string result);
        Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(20)));
        Assert.False(File.Exists(result));
        for (int round = 1; round <= 2; round++)
        {
            Assert.Equal(0, Child.Wait(Child.Start([.. Programs.Criu, "restore", "-d", "-D", images, "-v4", "-o", "restore.log"]), TimeSpan.FromSeconds(20)));
            string expected = string.Concat(Enumerable.Repeat(Restored, round));
            Assert.True(Child.Until(() => File.Exists(result) && File.ReadAllText(result) == expected), File.Exists(result) ? File.ReadAllText(result) : "there is no answer");
            Libc.kill(pid, Libc.SIGKILL);
            Child.Wait(pid, TimeSpan.FromSeconds(10));
        }
    }

    private int Start(Service service, bool running, out string images, out string result)
    {
        string folder = _folder;
        images = Path.Combine(folder, "images");
        result = Path.Combine(folder, "result");
        Directory.CreateDirectory(images);
        string program = Path.Combine(folder, "self.py");
        File.WriteAllText(program, Program);
        return Child.Start(["setsid", "sh", "-c", "exec python3 \"$0\" \"$@\" </dev/null >/dev/null 2>&1", program, service.Socket, images, running ? "1" : "0", result]);
    }
}
