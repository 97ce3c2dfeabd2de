using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>A dump that cannot be: it says why and on whom, leaves nothing that looks complete, and its target runs on untouched.</summary>
public sealed class DumpErrorTests : EndToEndTest
{
    public static TheoryData<string> Engines => [.. Engine.UnderTest];

    [Theory, MemberData(nameof(Engines))]
    public void No_such_process(string engine)
    {
        Target target = Start(Workloads.Named("counter"));
        ProcessPicture before = target.Picture();
        int nobody = Enumerable.Range(20000, 10000).First(p => !Directory.Exists($"/proc/{p}"));
        target.Refuses(Engine.Named(engine).Dump(nobody, target.Images), $@"\b{nobody}\b");
        target.SurvivedAFailedDump(before);
    }

    [Fact]
    public void Not_privileged_enough()
    {
        Target target = Start(Workloads.Named("counter"));
        ProcessPicture before = target.Picture();
        Engine ours = new("native", Places.CopyOf(Engine.Native.Command[0], target.Folder)) { Prefix = User.Ordinary };
        target.Refuses(ours.Dump(target.Pid, target.Images), $@"\b{target.Pid}\b", "CAP_(SYS_PTRACE|CHECKPOINT_RESTORE|SYS_ADMIN)");
        target.SurvivedAFailedDump(before);
    }

    [Theory, MemberData(nameof(Engines))]
    public void Already_traced(string engine)
    {
        Target target = Start(Workloads.Traced);
        ProcessPicture before = target.Picture();
        int traced = target.Tree[1];
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), $@"\b{traced}\b", "trace");
        target.Holds(!File.Exists(Path.Combine(target.Images, "inventory.img")), "has images that look complete");
        target.GoesOn();
        target.LooksLike(before);
        target.Finish();
    }

    [Fact]
    public void What_is_no_process()
    {
        Target target = Start(Workloads.Named("threads 16"));
        int thread = Proc.Numbers($"/proc/{target.Pid}/task").Max();
        const int KernelThread = 2;                     // kthreadd
        target.Refuses(Engine.Native.Dump(thread, target.Images), $"{thread} is a thread of process {target.Pid}", $"-t {target.Pid}");
        if (Proc.Text($"/proc/{KernelThread}/comm").Trim() == "kthreadd")
            target.Refuses(Engine.Native.Dump(KernelThread, target.Images), "thread of the kernel");
        target.GoesOn();
        target.Finish();
    }

    /// <summary>Its guard would stop the engine itself, and with it everybody for good.</summary>
    [Fact]
    public void A_tree_that_holds_the_engine()
    {
        string folder = Places.NewFolder("self"), log = Path.Combine(folder, "log");
        int shell = Child.Start(["/bin/sh", "-c", $"{string.Join(' ', Engine.Native.Command)} dump -t $$ -R -j -D {folder} -o {log} > {folder}/out 2>&1; exit $?"]);
        int? code = Child.Wait(shell, TimeSpan.FromSeconds(20));
        if (code == null)
            foreach (int pid in Proc.Tree(shell))
                Libc.kill(pid, Libc.SIGKILL);
        Assert.Equal(1, code);
        Assert.Matches($"tree of pid {shell} holds this criu.*setsid", Proc.Text(log));
        Directory.Delete(folder, recursive: true);
    }

    [Theory, MemberData(nameof(Engines))]
    public void An_object_that_is_not_supported(string engine)
    {
        Target target = Start(Workloads.Unsupported);
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), $@"\b{target.Pid}\b", @"\b77\b", "io_uring|landlock");
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    private static readonly (string Case, string Says)[] UnixSockets =
    [
        ("outside", "outside the tree.*--external unix"), ("waiting", "has written.*did not accept"), ("listening", "waits there to be accepted"), ("rights", @"passed descriptor no\. 1 \(anon_inode:\[pidfd\]\), which waits in descriptor 77"),
    ];

    public static TheoryData<string, string, string> RefusedUnixSockets => [.. Engine.UnderTest.SelectMany(e => UnixSockets.Select(u => (e, u.Case, u.Says)))];

    [Theory, MemberData(nameof(RefusedUnixSockets))]
    public void A_unix_socket_that_is_not_supported(string engine, string which, string says)
    {
        Target target = Start(new Workload($"unixrefused {which}"));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), $@"\b{target.Pid}\b", @"\b77\b", says);
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    [Theory, MemberData(nameof(Engines))]
    public void A_netlink_socket_in_which_an_answer_waits(string engine)
    {
        Target target = Start(new Workload("netlink waiting"));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), $@"\b{target.Pid}\b", "messages wait in .*protocol 0.*Let them be read");
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    [Theory, MemberData(nameof(Engines))]
    public void A_unix_socket_that_sends_to_one_outside(string engine)
    {
        Target target = Start(new Workload("unixodd outside"));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), $@"\b{target.Pid}\b", "outside the tree.*--ext-unix-sk");
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    public static TheoryData<string, string> RefusedTasks => [.. Engine.UnderTest.SelectMany(e => Workloads.Refused.Select(w => (e, w.Command)))];

    [Theory, MemberData(nameof(RefusedTasks))]
    public void A_task_that_is_not_supported(string engine, string workload)
    {
        Target target = Start(Workloads.Named(workload));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), $@"\b{target.Pid}\b", "seccomp");
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    [Theory, MemberData(nameof(Engines))]
    public void Disk_full(string engine)
    {
        Target target = Start(Workloads.Named("memory 64"));
        ProcessPicture before = target.Picture();
        using Mounted small = Mounted.Small(target.Images, kilobytes: 4096);
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), "no space|ENOSPC");
        target.SurvivedAFailedDump(before);
        target.Finish();
    }

    [Theory, MemberData(nameof(Engines))]
    public void Directory_not_writable(string engine)
    {
        Target target = Start(Workloads.Named("counter"));
        ProcessPicture before = target.Picture();
        using Mounted fixedOne = Mounted.NotWritable(target.Images);
        target.Refuses(Engine.Named(engine).Dump(target.Pid, target.Images), "read-only|EROFS");
        target.SurvivedAFailedDump(before);
    }

    [Theory, MemberData(nameof(Engines))]
    public void No_such_directory(string engine)
    {
        Target target = Start(Workloads.Named("counter"));
        ProcessPicture before = target.Picture();
        target.Refuses(Engine.Named(engine).Dump(target.Pid, Path.Combine(target.Folder, "nowhere")), "nowhere", "no such|not exist|ENOENT");
        target.SurvivedAFailedDump(before);
    }
}
