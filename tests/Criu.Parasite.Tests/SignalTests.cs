using System.Buffers.Binary;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;

namespace Criu.Parasite.Tests;

/// <summary>Signals that wait, and signals that come while a program is held: none is lost, none comes twice.</summary>
public sealed class SignalTests : ParasiteTest
{
    private const int Number = 34 + 1, Own = 34 + 2;        // SIGRTMIN + 1 of the C library

    [Fact]
    public void Waiting_signals_are_read_with_their_values_and_stay()
    {
        var program = Start("pending");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            var shared = tracee.PendingSignals(tracee.Threads[0], shared: true);
            var own = tracee.PendingSignals(tracee.Threads[0], shared: false);
            Assert.All(shared.Concat(own), s => Assert.Equal(Signals.SiginfoSize, s.Length));
            Assert.Equal(Enumerable.Range(1, 50).Select(n => (Number, n)), shared.Select(NumberAndValue));
            Assert.Equal(Enumerable.Range(1, 3).Select(n => (Own, n)), own.Select(NumberAndValue));
            for (int n = 51; n <= 60; n++)
                Send(program.Pid, n);
            Assert.Equal(60, tracee.PendingSignals(tracee.Threads[0], shared: true).Count);
            tracee.Inject(allThreads: true);
            Assert.Equal(program.Pid, TraceeTests.PidIn(tracee.Puppets[0]));
        }
        program.IsUnharmed();
        program.Finish();
        Assert.Equal((60, 3), (program.Log.Count("shared"), program.Log.Count("own")));
    }

    [Fact]
    public void Signals_that_come_while_it_is_held_are_taken_afterwards()
    {
        var program = Start("numbered none");
        using var guard = Guard.Start();
        for (int n = 0; n < 200;)
            using (var tracee = guard.Seize(program.Pid))
            {
                Send(program.Pid, ++n);
                if (n % 4 > 1)
                    tracee.Inject(allThreads: true);
                Send(program.Pid, ++n);
                foreach (var puppet in tracee.Puppets)
                    Assert.Equal(program.Pid, TraceeTests.PidIn(puppet));
            }
        program.Await(() => program.Log.Count("taken") == 200, "loses signals");
        program.IsUnharmed();
        program.Finish();
    }

    [Fact]
    public void A_storm_of_signals()
    {
        var program = Start("numbered rt");
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
        program.GoesOn(by: 1);
        program.Finish();
    }

    private static (int, int) NumberAndValue(byte[] siginfo) => (BinaryPrimitives.ReadInt32LittleEndian(siginfo), BinaryPrimitives.ReadInt32LittleEndian(siginfo.AsSpan(24)));

    /// <summary>sigqueue(3).</summary>
    private static unsafe void Send(int pid, int value)
    {
        const int Queue = -1;
        byte[] info = new byte[Signals.SiginfoSize];
        BinaryPrimitives.WriteInt32LittleEndian(info, Number);
        BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(8), Queue);
        BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(24), value);
        fixed (byte* bytes = info)
            Assert.Equal(0, Kernel.Call(Nr.rt_sigqueueinfo, pid, Number, (long)bytes));
    }
}
