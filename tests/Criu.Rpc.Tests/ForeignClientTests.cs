using System.Text.Json.Nodes;
using Criu.EndToEnd.Tests.Harness;
using Criu.Rpc.Tests.Harness;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary>Clients that were written for CRIU and know nothing of us.</summary>
public sealed class ForeignClientTests : EndToEndTest, IDisposable
{
    private readonly string _folder = Places.NewFolder("clients");
    private int _runs;

    void IDisposable.Dispose()
    {
        Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Python's own client, over a service, a socket that is open already, and a binary that it starts with 0, 1 and 2 closed.</summary>
    [Theory]
    [InlineData("sk")]
    [InlineData("fd")]
    [InlineData("bin")]
    public void Pycriu(string how)
    {
        Target target = Start(new Workload("counter"));
        using Service service = new();
        string address = how == "bin" ? Assert.Single(Programs.Criu) : service.Socket;
        Assert.Equal($"checked\nrefused {Errno.ESRCH} True\ndumped False\n", Run(0, "/usr/bin/python3", Clients("client.py"), how, address, target.Images, $"{target.Pid}"));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.Equal($"restored {target.Pid}\n", Run(0, "/usr/bin/python3", Clients("client.py"), how, address, target.Images));
        Assert.Contains("Dumping finished successfully", File.ReadAllText(Path.Combine(target.Images, "dump.log")));
        Assert.Contains("Restore finished successfully", File.ReadAllText(Path.Combine(target.Images, "restore.log")));
        target.IsUntouched();
        target.GoesOn();
        target.Finish();
    }

    [Fact]
    public void PycriuDumpsItself()
    {
        string result = Path.Combine(_folder, "result");
        int pid = Child.Start(["setsid", "sh", "-c", "exec /usr/bin/python3 \"$0\" \"$@\" </dev/null >/dev/null 2>&1", Clients("self.py"), Assert.Single(Programs.Criu), _folder, result]);
        Assert.Equal(-Libc.SIGKILL, Child.Wait(pid, TimeSpan.FromSeconds(20)));
        Assert.Equal(0, Child.Wait(Child.Start([.. Programs.Criu, "restore", "-d", "-D", _folder, "-v4", "-o", "restore.log"]), TimeSpan.FromSeconds(20)));
        Assert.True(Child.Until(() => File.Exists(result) && File.ReadAllText(result) == "restored\n"), "there is no answer");
        Libc.kill(pid, Libc.SIGKILL);
        Child.Wait(pid, TimeSpan.FromSeconds(10));
    }

    /// <summary>Requests in protobuf's text form, encoded and decoded by protoc with our own rpc.proto.</summary>
    [Fact]
    public void Protoc()
    {
        Target target = Start(new Workload("counter"));
        using Service service = new();
        string proto = Path.Combine(Places.Repository, "Criu.Core", "Rpc", "rpc.proto");
        Assert.Equal("type: VERSION success: true version { major_number: 4 minor_number: 2 }", Ask("type: VERSION"));
        Assert.Equal("type: DUMP success: true dump { restored: false }", Ask($"type: DUMP opts {{ images_dir_fd: -1 images_dir: \"{target.Images}\" pid: {target.Pid} log_level: 4 log_file: \"d.log\" }}"));
        Child.Wait(target.Pid, TimeSpan.FromSeconds(10));
        Assert.Equal($"type: RESTORE success: true restore {{ pid: {target.Pid} }}", Ask($"type: RESTORE opts {{ images_dir_fd: -1 images_dir: \"{target.Images}\" }}"));
        Assert.StartsWith("type: PRE_DUMP success: false cr_errno: 95 cr_errmsg: \"Requests of type PRE_DUMP are not supported yet", Ask("type: PRE_DUMP opts { images_dir_fd: -1 }"));
        target.GoesOn();
        target.Finish();

        string Ask(string request)
        {
            string file = Path.Combine(_folder, "request");
            File.WriteAllText(file, request);
            return string.Join(' ', Run(0, "sh", "-c", "\"$0\" \"$1\" \"$2\" <\"$3\"", Clients("request.sh"), proto, service.Socket, file).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        }
    }

    /// <summary>A container is beyond us yet: runc comes as far as the object that stops the dump, which is named, and the container runs on.</summary>
    [Fact]
    public void Runc()
    {
        string root = Path.Combine(_folder, "run"), bundle = Path.Combine(_folder, "bundle"), images = Path.Combine(_folder, "images"), work = Path.Combine(_folder, "work");
        foreach (string folder in (string[])[bundle, Path.Combine(bundle, "rootfs", "bin"), images, work])
            Directory.CreateDirectory(folder);
        File.Copy(Places.Program("counter"), Path.Combine(bundle, "rootfs", "bin", "counter"));
        Run(0, "runc", "spec", "--bundle", bundle);
        string config = Path.Combine(bundle, "config.json");
        JsonNode spec = JsonNode.Parse(File.ReadAllText(config))!;
        spec["process"]!["args"] = new JsonArray("/bin/counter");
        spec["process"]!["terminal"] = false;
        spec["root"]!["readonly"] = false;
        File.WriteAllText(config, spec.ToJsonString());
        if (Run(null, "runc", "--root", root, "run", "--detach", "--bundle", bundle, "criu-test") is { Length: > 0 } complaint)
            Skips.Because($"needs runc to run a container: {complaint}");
        try
        {
            string before = State();
            Run(1, "runc", "--root", root, "--criu", Assert.Single(Programs.Criu), "checkpoint", "--image-path", images, "--work-path", work, "criu-test");
            string log = File.ReadAllText(Path.Combine(work, "dump.log"));
            Assert.Contains("it lives in another pid namespace", log);
            Assert.Contains("Stage pre-dump", log);
            Assert.False(File.Exists(Path.Combine(images, "inventory.img")));
            Assert.Contains("running", before);
            Assert.Equal(before, State());
        }
        finally
        {
            Run(null, "runc", "--root", root, "delete", "--force", "criu-test");
        }

        string State()
        {
            JsonNode state = JsonNode.Parse(Run(0, "runc", "--root", root, "state", "criu-test"))!;
            return $"{state["pid"]} {state["status"]}";
        }
    }

    private static string Clients(string name) => Path.Combine(Places.Repository, "tests", "Criu.Rpc.Tests", "Clients", name);

    /// <summary>What a program prints, on both streams; null: it may end as it likes, and nothing else counts if it succeeds.</summary>
    private string Run(int? status, params string[] command)
    {
        string file = Path.Combine(_folder, $"output{_runs++}");
        int? ended = Child.Wait(Child.Start(["sh", "-c", "exec \"$@\" >\"$0\" 2>&1 </dev/null", file, .. command]), TimeSpan.FromSeconds(60));
        string output = File.ReadAllText(file);
        Assert.True(status == null || status == ended, $"{string.Join(' ', command)} ended with {ended}: {output}");
        return status == null && ended == 0 ? "" : output;
    }
}
