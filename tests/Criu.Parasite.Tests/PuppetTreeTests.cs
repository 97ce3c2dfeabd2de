using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;

namespace Criu.Parasite.Tests;

/// <summary>Processes that are made of nothing: a root, and what it clones.</summary>
public sealed class PuppetTreeTests : ParasiteTest
{
    [Fact]
    public void A_root_and_its_child_run_batches_and_end_with_the_guard()
    {
        int root, child;
        using (var guard = Guard.Start())
        using (var tree = PuppetTree.Start(guard, new PuppetTreeRequest(0, [], 64 << 10, AsSibling: false, [])))
        {
            root = tree.Root.Pid;
            Assert.Equal(root, TraceeTests.PidIn(tree.Root));
            Assert.Equal($"{guard.Pid}", TracerOf(root));
            child = Clone(tree.Root);
            var puppet = tree.Adopt([(child, child, 16 << 10)])[0];
            Assert.Equal(child, TraceeTests.PidIn(puppet));
            Assert.Equal($"{root}", Proc.Stat(child)[1]);
        }
        Assert.True(Child.Until(() => Proc.State(child) is 'Z' or '-'));
        Assert.True(Child.Until(() => Proc.State(root) is 'Z' or '-'));
    }

    [Fact]
    public void A_root_gets_the_pid_that_is_asked_for()
    {
        int free = Child.Start(["true"]);
        Assert.Equal(0, Child.Wait(free, TimeSpan.FromSeconds(20)));
        using var guard = Guard.Start();
        using var tree = PuppetTree.Start(guard, new PuppetTreeRequest(free, [], 64 << 10, AsSibling: false, []));
        Assert.Equal(free, tree.Root.Pid);
        Assert.Equal(free, TraceeTests.PidIn(tree.Root));
        var e = Assert.Throws<ParasiteException>(() => PuppetTree.Start(guard, new PuppetTreeRequest(free, [], 64 << 10, AsSibling: false, [])));
        Assert.Equal(Errno.EEXIST, e.ErrorNumber);
    }

    [Fact]
    public void Its_place_avoids_what_is_taken()
    {
        (long, long)[] taken = [(0x10000, 0x100000000), (0x200000000, 0x7ffffffde000)];
        using var guard = Guard.Start();
        using var tree = PuppetTree.Start(guard, new PuppetTreeRequest(0, taken, 64 << 10, AsSibling: false, []));
        Assert.True(tree.Place.Start >= 0x100000000 && tree.Place.End <= 0x200000000);
        Assert.Equal(tree.Root.Pid, TraceeTests.PidIn(tree.Root));
    }

    [Fact]
    public void Cpu_time_is_not_spent_on_waiting()
    {
        using var guard = Guard.Start();
        using var tree = PuppetTree.Start(guard, new PuppetTreeRequest(0, [], 64 << 10, AsSibling: false, []));
        TraceeTests.PidIn(tree.Root);
        Assert.True(Child.Until(() => Proc.State(tree.Root.Pid) == 'S' && Proc.State(guard.Pid) == 'S'));
    }

    private static string TracerOf(int pid) => Proc.Text($"/proc/{pid}/status").Split('\n').Single(l => l.StartsWith("TracerPid:", StringComparison.Ordinal))[10..].Trim();

    private static int Clone(Puppet parent)
    {
        var batch = parent.NewBatch();
        var args = batch.New(new CloneArgs { Flags = Sched.CLONE_PTRACE, ExitSignal = Signals.SIGCHLD });
        var pid = batch.Call(Syscall.Clone3, args.Remote, CloneArgs.Size);
        parent.Run(batch);
        return (int)pid.Value;
    }
}
