using System.Runtime.InteropServices;
using Criu.Parasite.Tests.Harness;

namespace Criu.Parasite.Tests;

/// <summary>What a program was in the middle of goes on: system calls of every restartable kind, and restartable sequences, which are begun again.</summary>
public sealed class InterruptionTests : ParasiteTest
{
    public static TheoryData<string> Calls =>
    [
        .. new[] { "read", "write", "futex", "futex_timed", "poll", "poll_timed", "ppoll", "select", "wait4", "pause", "sigsuspend", "nanosleep", "clock_nanosleep" }.Select(c => $"{c} strictly"),
        "epoll_wait", "sigtimedwait",                       // the stop alone makes them end with EINTR: the kernel's doing
    ];

    [Theory, MemberData(nameof(Calls))]
    public void A_call_goes_on(string call)
    {
        var program = Start($"blocked {call}");
        int child = program.ChildIn('S');
        string[] before = [.. Program.Faults(child, mayBeStopped: false)];          // it shares memory itself
        using (var guard = Guard.Start())
            for (int round = 0; round < 12; round++)
                using (var tracee = guard.Seize(child))
                {
                    if (round % 3 > 0)
                        tracee.Inject(allThreads: true);
                    foreach (var puppet in tracee.Puppets)
                        Assert.Equal(child, TraceeTests.PidIn(puppet));
                }
        Assert.Equal(before, Program.Faults(child, mayBeStopped: false));
        program.Finish();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_restartable_sequence_is_aborted(bool inject)
    {
        var program = Start("sequence");
        long word = Convert.ToInt64(program.Log["word"], 16);
        long[] section = [.. program.Log["section"].Split(' ').Select(t => Convert.ToInt64(t, 16))];
        int inside = 0;
        using var guard = Guard.Start();
        for (int round = 1; round <= 100; round++)
        {
            using (var tracee = guard.Seize(program.Pid))
            {
                long at = tracee.Threads[0].RegistersAtStop.Rip;
                inside += at >= section[0] && at < section[1] ? 1 : 0;
                if (inject)
                    Assert.Equal(program.Pid, TraceeTests.PidIn(Injected(tracee)));
                long[] value = [round];
                Assert.Equal(8, RemoteMemory.TryWrite(program.Pid, word, MemoryMarshal.AsBytes<long>(value)));
            }
            program.Await(() => program.Log.Count("aborted") == round, "does not see its sequence aborted");
        }
        Assert.True(inside > 10, $"only {inside} of 100 stops were inside the sequence");
        program.IsUnharmed();
    }

    private static Puppet Injected(Tracee tracee)
    {
        tracee.Inject(allThreads: true);
        return tracee.Puppets[0];
    }

    [Fact]
    public void A_program_that_executes_itself_all_the_time_from_another_thread()
    {
        var program = Start("execs");
        using var guard = Guard.Start();
        var refusals = new List<string>();
        for (int round = 0; round < 200; round++)
        {
            try
            {
                using var tracee = guard.Seize(program.Pid);
                if (round % 3 > 0)
                    tracee.Inject(allThreads: round % 3 == 1);
                foreach (var puppet in tracee.Puppets)
                    Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
            }
            catch (ParasiteException e)
            {
                refusals.Add(e.Message);
            }
            if (round % 20 == 19)
                program.GoesOn(by: 1);
        }
        program.IsUnharmed();
        program.GoesOn();
        Assert.True(refusals.Count < 20, $"{refusals.Count} times: {string.Join('\n', refusals.Distinct().Take(5))}");
    }
}
