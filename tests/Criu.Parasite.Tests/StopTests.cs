using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;

namespace Criu.Parasite.Tests;

/// <summary>Job control: SIGSTOP cannot be blocked, so it may come between any two steps.</summary>
public sealed class StopTests : ParasiteTest
{
    private const int Untraced = 2;                         // WUNTRACED

    [Theory, InlineData("counter", false), InlineData("counter", true), InlineData("threads 8", false), InlineData("threads 8", true), InlineData("filtered", true)]
    public void A_stopped_program_stays_stopped_and_its_parent_hears_nothing(string command, bool inject)
    {
        var program = Start(command);
        Stop(program);
        for (int round = 0; round < 5; round++)
            using (var tracee = Tracee.Seize(program.Pid))
            {
                Assert.Equal(Libc.SIGSTOP, tracee.GroupStopSignal);
                Assert.All(tracee.Threads, t => Assert.Equal(Libc.SIGSTOP, t.GroupStopSignal));
                if (inject)
                    tracee.Inject(allThreads: round % 2 == 0);
                foreach (var puppet in tracee.Puppets)
                    Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
            }
        program.Await(() => program.Threads.All(t => program.Status(t, "State").StartsWith('T')), "is no longer stopped");
        Assert.Equal(0, Libc.waitpid(program.Pid, out _, Untraced | Libc.WNOHANG));
        Libc.kill(program.Pid, Libc.SIGCONT);
        program.GoesOn();
        program.IsUnharmed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_program_that_is_stopped_while_it_is_held_is_stopped_afterwards(bool inject)
    {
        var program = Start("threads 8");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            if (inject)
                tracee.Inject(allThreads: true);
            Libc.kill(program.Pid, Libc.SIGSTOP);
            foreach (var puppet in tracee.Puppets)
                Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
        }
        program.Await(() => program.Threads.All(t => program.Status(t, "State").StartsWith('T')), "is not stopped");
        Libc.kill(program.Pid, Libc.SIGCONT);
        program.GoesOn();
        program.IsUnharmed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_program_that_is_continued_while_it_is_held_goes_on_afterwards(bool inject)
    {
        var program = Start("threads 8");
        Stop(program);
        using (var tracee = Tracee.Seize(program.Pid))
        {
            if (inject)
                tracee.Inject(allThreads: true);
            Libc.kill(program.Pid, Libc.SIGCONT);
            foreach (var puppet in tracee.Puppets)
                Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
        }
        program.GoesOn();
        program.IsUnharmed();
    }

    [Fact]
    public void A_storm_of_stops()
    {
        var program = Start("numbered stop");
        using var guard = Guard.Start();
        for (int round = 0; round < 150; round++)
            using (var tracee = guard.Seize(program.Pid))
            {
                if (round % 3 > 0)
                    tracee.Inject(allThreads: true);
                foreach (var puppet in tracee.Puppets)
                    Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
            }
        program.IsUnharmed();
        program.GoesOn();
        program.Finish();
    }

    private static void Stop(Program program)
    {
        Libc.kill(program.Pid, Libc.SIGSTOP);
        program.Await(() => program.Threads.All(t => program.Status(t, "State").StartsWith('T')), "does not stop");
        Assert.True(Child.Until(() => Libc.waitpid(program.Pid, out _, Untraced | Libc.WNOHANG) == program.Pid));
    }
}
