using System.Globalization;
using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;

namespace Criu.Parasite.Tests;

/// <summary>Programs that cannot be held, or only in part, and what is said then.</summary>
public sealed class OddStateTests : ParasiteTest
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Theory, InlineData(false), InlineData(true)]
    public void A_vfork_parent_is_refused_and_its_other_threads_go_on(bool guardIsUsedAgain)
    {
        var program = Start("waiting vfork");
        program.Await(() => program.Log["vforked"] != "", "does not vfork");
        using (var guard = Guard.Start())
        {
            var e = Assert.Throws<ParasiteException>(() => guard.Seize(program.Pid, Short));
            Assert.Contains($"thread {program.Pid} of pid {program.Pid} does not stop within 0.3 s", e.Message);
            Assert.Contains("vfork", e.Message);
            program.GoesOn();
            if (guardIsUsedAgain)
            {
                var other = Start("counter");
                guard.Seize(other.Pid).Dispose();
                other.IsUnharmed();
            }
        }
        program.GoesOn();
        program.Finish();
        Assert.Empty(HelpersLeft());
    }

    [Fact]
    public void The_child_of_a_vfork_is_held_as_any_other()
    {
        var program = Start("waiting vfork");
        program.Await(() => program.Log["vforked"] != "", "does not vfork");
        int child = int.Parse(program.Log["vforked"], CultureInfo.InvariantCulture);
        using (var tracee = Tracee.Seize(child))
        {
            tracee.Inject(allThreads: true);
            Assert.Equal(child, TraceeTests.PidIn(tracee.Puppets[0]));
        }
        program.GoesOn();
        program.Finish();
    }

    [Fact]
    public void A_process_whose_leader_has_ended_is_held_by_its_other_threads()
    {
        var program = Start("waiting leader");
        program.Await(() => Proc.State(program.Pid) == 'Z', "keeps its leader");
        for (int round = 0; round < 10; round++)
            using (var tracee = Tracee.Seize(program.Pid))
            {
                Assert.True(tracee.LeaderHasEnded);
                Assert.Equal(program.Threads.Where(t => t != program.Pid), tracee.Threads.Select(t => t.Tid));
                tracee.Inject(allThreads: round % 2 == 0);
                Assert.Equal(program.Pid, TraceeTests.PidIn(tracee.Puppets[0]));
                using var log = tracee.FetchDescriptor(1);
                Assert.Equal(program.Log.File, Proc.Link($"/proc/self/fd/{log.Fd()}"));
            }
        program.IsUnharmed();
        program.GoesOn();
        program.Finish();
    }

    [Fact]
    public void A_zombie_is_refused()
    {
        var program = Start("waiting zombie");
        int zombie = program.ChildIn('Z');
        var e = Assert.Throws<ParasiteException>(() => Tracee.Seize(zombie));
        Assert.Contains("zombie", e.Message);
        Tracee.Seize(program.Pid).Dispose();
        program.IsUnharmed();
    }

    [Theory, InlineData(0x3ffffff), InlineData(0), InlineData(-1)]
    public void No_such_process(int pid)
    {
        var e = Assert.Throws<ParasiteException>(() => Tracee.Seize(pid));
        Assert.Equal(Errno.ESRCH, e.ErrorNumber);
        Assert.Contains("no such process", e.Message);
    }

    [Fact]
    public void A_traced_process_is_refused_with_the_tracers_name()
    {
        foreach (string command in (string[])["counter", "threads 8"])
        {
            var program = Start(command);
            var engine = Engine("hold", $"{program.Pid}");
            string tracer = engine.FirstLine();
            var e = Assert.Throws<ParasiteException>(() => Tracee.Seize(program.Pid));
            Assert.Contains($"traced by pid {tracer}", e.Message);
            engine.Go();
            Assert.Equal(0, engine.Wait());
            program.IsUnharmed();
            program.GoesOn();
        }
    }

    [Fact]
    public void Only_one_thread_is_filtered_by_seccomp()
    {
        var program = Start("filtered one");
        for (int round = 0; round < 10; round++)
            using (var tracee = Tracee.Seize(program.Pid))
            {
                tracee.Inject(allThreads: round % 2 == 0);
                foreach (var puppet in tracee.Puppets)
                    Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
            }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void No_descriptor_is_needed_with_privilege()
    {
        var program = Start("counter");
        LimitDescriptors(program);
        using (var tracee = Tracee.Seize(program.Pid))
        {
            tracee.Inject(allThreads: true);
            Assert.Equal(program.Pid, TraceeTests.PidIn(tracee.Puppets[0]));
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void An_address_space_that_is_full_is_named()
    {
        var program = Start("counter");
        Limit(program, resource: 9, 4096);                  // RLIMIT_AS
        using (var tracee = Tracee.Seize(program.Pid))
        {
            var e = Assert.Throws<ParasiteException>(() => tracee.Inject(allThreads: true));
            Assert.Equal(Errno.ENOMEM, e.ErrorNumber);
            Assert.Contains("RLIMIT_AS", e.Message);
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void A_user_without_capabilities_holds_their_own_process()
    {
        foreach (string command in (string[])["counter", "threads 8", "goroutines"])
        {
            var program = Start(command, asUser: true);
            var engine = EngineOfUser("once", $"{program.Pid}");
            Assert.Equal((0, "finished\n"), (engine.Wait(), engine.Output));
            program.IsUnharmed();
            program.GoesOn();
        }
    }

    [Fact]
    public void A_user_without_capabilities_needs_a_descriptor_in_the_process()
    {
        var program = Start("counter", asUser: true);
        LimitDescriptors(program);
        var engine = EngineOfUser("once", $"{program.Pid}");
        Assert.Equal(1, engine.Wait());
        Assert.Matches("EMFILE.*RLIMIT_NOFILE", engine.Output);
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void A_user_without_capabilities_cannot_hold_the_process_of_another()
    {
        var program = Start("counter");
        var engine = EngineOfUser("once", $"{program.Pid}");
        Assert.Equal(1, engine.Wait());
        Assert.Contains("CAP_SYS_PTRACE", engine.Output);
        Assert.Contains("EPERM", engine.Output);
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void A_user_without_capabilities_cannot_suspend_seccomp()
    {
        foreach (string command in (string[])["filtered", "filtered one"])
        {
            var program = Start(command, asUser: true);
            var engine = EngineOfUser("once", $"{program.Pid}");
            Assert.Equal(1, engine.Wait());
            Assert.Contains("CAP_SYS_ADMIN", engine.Output);
            program.IsUnharmed();
            program.GoesOn();
        }
    }

    private static void LimitDescriptors(Program program) => Limit(program, resource: 7, 2);

    /// <summary>From inside nobody needs a privilege.</summary>
    private static void Limit(Program program, int resource, ulong value)
    {
        using var tracee = Tracee.Seize(program.Pid);
        var batch = tracee.NewBatch();
        batch.Call(Syscall.Setrlimit, resource, batch.New(new ResourceLimit { Current = value, Maximum = value }).Remote);
        tracee.Run(batch);
    }
}
