using System.Runtime.InteropServices;
using System.Text;
using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;

namespace Criu.Parasite.Tests;

/// <summary>What can be done with a process that is held, and that it is as before when it was let go.</summary>
public sealed class TraceeTests : ParasiteTest
{
    public static TheoryData<string> Programs => ["counter", "threads 8", "goroutines", "filtered", "filtered strict", "crowd 50", "sleeper 200"];

    [Theory, MemberData(nameof(Programs))]
    public void A_program_is_held_and_let_go_many_times(string command)
    {
        var program = Start(command);
        for (int round = 0; round < 20; round++)
        {
            using var tracee = Tracee.Seize(program.Pid);
            Assert.All(program.Threads, t => Assert.Equal('t', program.Status(t, "State")[0]));
            Assert.Equal(program.Pid, tracee.Threads[0].Tid);
            Assert.Equal(0, tracee.GroupStopSignal);
            if (round % 2 == 0)
                tracee.Inject(allThreads: round % 4 == 0);
            foreach (var puppet in tracee.Puppets)
                Assert.Equal(program.Pid, PidIn(puppet));
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void It_stands_still_while_it_is_held()
    {
        var program = Start("counter");
        using (Tracee.Seize(program.Pid))
        {
            long count = program.Log.Count("count");
            Thread.Sleep(100);
            Assert.Equal(count, program.Log.Count("count"));
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void Each_thread_runs_batches_of_its_own_at_the_same_time()
    {
        var program = Start("threads 8");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            tracee.Inject(allThreads: true);
            var batches = tracee.Puppets.Select(p => p.NewBatch()).ToList();
            var tids = batches.ConvertAll(b => b.Call(Syscall.Gettid));
            for (int i = 0; i < batches.Count; i++)
                tracee.Puppets[i].Start(batches[i]);
            for (int i = 0; i < batches.Count; i++)
                tracee.Puppets[i].Finish(batches[i]);
            Assert.Equal(9, batches.Count);
            Assert.Equal(program.Threads, tids.Select(t => (int)t.Value));
            Assert.Equal(program.Threads, tracee.Threads.Select(t => t.Tid));
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void Memory_is_read_and_written()
    {
        var program = Start("sequence");
        long word = Convert.ToInt64(program.Log["word"], 16);
        using (var tracee = Tracee.Seize(program.Pid))
        {
            Span<long> value = [-1];
            Assert.Equal(8, RemoteMemory.TryRead(program.Pid, word, MemoryMarshal.AsBytes(value)));
            Assert.Equal(0, value[0]);
            Assert.Equal(-Errno.EFAULT, RemoteMemory.TryRead(program.Pid, 16, MemoryMarshal.AsBytes(value)));
            Assert.Equal(-Errno.EFAULT, RemoteMemory.TryWrite(program.Pid, Convert.ToInt64(program.Log["section"].Split(' ')[0], 16), MemoryMarshal.AsBytes(value)));
            // Three bytes at the end of the text page, then nothing that is mapped: what can be read is read.
            var batch = tracee.NewBatch();
            var two = batch.Call(Syscall.Mmap, 0, 2 * Mman.PageSize, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, -1, 0);
            tracee.Run(batch);
            long pages = two.Value;
            batch = tracee.NewBatch();
            batch.Call(Syscall.Munmap, pages + Mman.PageSize, Mman.PageSize);
            tracee.Run(batch);
            Assert.Equal(3, RemoteMemory.TryWrite(program.Pid, pages + Mman.PageSize - 3, "abcdef"u8));
            byte[] back = new byte[6];
            Assert.Equal(3, RemoteMemory.TryRead(program.Pid, pages + Mman.PageSize - 3, back));
            Assert.Equal("abc\0\0\0"u8, back);
            batch = tracee.NewBatch();
            batch.Call(Syscall.Munmap, pages, Mman.PageSize);
            tracee.Run(batch);
        }
        program.IsUnharmed();
    }

    [Fact]
    public void Registers_are_read()
    {
        var program = Start("sleeper 3000");
        using var tracee = Tracee.Seize(program.Pid);
        var thread = tracee.Threads[0];
        Assert.Equal((long)Nr.nanosleep, thread.RegistersAtStop.OrigRax);
        Assert.Equal(-516, thread.RegistersAtStop.Rax);
        Assert.Equal(thread.RegistersAtStop, thread.Registers);             // nothing was injected yet
        tracee.Inject(allThreads: false);
        Assert.Equal((long)Nr.restart_syscall, thread.Registers.Rax);
        Assert.Equal(thread.RegistersAtStop.Rip - 2, thread.Registers.Rip);
        Assert.Equal(0x33, thread.Registers.Cs);
        string[] mappings = Proc.Text($"/proc/{program.Pid}/maps").Split('\n');
        Assert.Contains(mappings, m => m.Contains("[stack]", StringComparison.Ordinal) && Within(m, thread.Registers.Rsp));
    }

    [Fact]
    public void The_xsave_area_is_as_large_as_the_processor_makes_it_and_holds_the_registers()
    {
        var program = Start("threads 8");
        using var tracee = Tracee.Seize(program.Pid);
        int size = System.Runtime.Intrinsics.X86.X86Base.CpuId(0xD, 0).Ebx;
        Assert.True(size >= 576);
        foreach (var thread in tracee.Threads)
        {
            Assert.Equal(size, thread.Xstate.Length);
            const int Mxcsr = 24, SoftwareReserved = 464, HeaderBits = 512;
            Assert.Equal(0x1f80u, MemoryMarshal.Read<uint>(thread.Xstate[Mxcsr..]) & 0xffc0);
            ulong features = MemoryMarshal.Read<ulong>(thread.Xstate[SoftwareReserved..]);
            Assert.Equal(3ul, features & 3);
            Assert.Equal(0ul, MemoryMarshal.Read<ulong>(thread.Xstate[HeaderBits..]) & ~features);
        }
    }

    [Fact]
    public void Vector_registers_of_eight_threads_survive()
    {
        var program = Start("threads 8");
        using var guard = Guard.Start();
        for (int round = 0; round < 100; round++)
            using (var tracee = guard.Seize(program.Pid))
            {
                tracee.Inject(allThreads: true);
                foreach (var puppet in tracee.Puppets)
                    Assert.Equal(program.Pid, PidIn(puppet));
            }
        program.IsUnharmed();
        program.GoesOn();
        program.Finish();
    }

    [Fact]
    public void Masks_and_rseq_areas_are_told()
    {
        var program = Start("pending");
        using var tracee = Tracee.Seize(program.Pid);
        Assert.Equal(Convert.ToUInt64(program.Status(program.Pid, "SigBlk"), 16), tracee.Threads[0].SignalMask);
        Assert.NotEqual(0ul, tracee.Threads[0].RseqAddress);
        Assert.True(tracee.Threads[0].RseqSize >= 32);
        Assert.Equal(0x53053053u, tracee.Threads[0].RseqSignature);
    }

    [Fact]
    public void Signals_are_blocked_in_puppets_only()
    {
        var program = Start("pending");
        string before = program.Status(program.Pid, "SigBlk");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            Assert.Equal(before, program.Status(program.Pid, "SigBlk"));
            tracee.Inject(allThreads: true);
            Assert.Equal("fffffffffffbfeff", program.Status(program.Pid, "SigBlk"));
        }
        program.IsUnharmed();
    }

    [Fact]
    public void Its_descriptors_can_be_had()
    {
        var program = Start("counter");
        using var tracee = Tracee.Seize(program.Pid);
        using var log = tracee.FetchDescriptor(1);
        Assert.Equal(Path.Combine(program.Folder, "log"), Proc.Link($"/proc/self/fd/{log.Fd()}"));
        var e = Assert.Throws<ParasiteException>(() => tracee.FetchDescriptor(77));
        Assert.Equal(Errno.EBADF, e.ErrorNumber);
        Assert.Contains("77", e.Message);
    }

    [Fact]
    public void A_call_that_fails_is_told_and_the_next_batch_runs()
    {
        var program = Start("counter");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            var batch = tracee.NewBatch();
            batch.Call(Syscall.Openat, Fcntl.AT_FDCWD, batch.Text("/nowhere"), 0);
            Assert.Equal(Errno.ENOENT, Assert.Throws<BatchException>(() => tracee.Run(batch)).ErrorNumber);
            Assert.Equal(program.Pid, PidIn(tracee.Puppets[0]));
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void Several_are_held_at_once_and_leave_in_any_order()
    {
        Program[] programs = [Start("counter"), Start("threads 8"), Start("filtered"), Start("goroutines")];
        using var guard = Guard.Start();
        foreach (int[] order in (int[][])[[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
        {
            Tracee[] held = [.. programs.Select(p => guard.Seize(p.Pid))];
            foreach (var tracee in held)
                tracee.Inject(allThreads: true);
            foreach (int i in order)
            {
                held[i].Dispose();
                programs[i].IsUnharmed();
                programs[i].GoesOn();
            }
        }
        var again = programs.Select(p => guard.Seize(p.Pid)).ToList();
        again.ForEach(t => t.Inject(allThreads: false));
        guard.LetAllGo();
        Assert.All(programs, p => p.IsUnharmed());
        again.ForEach(t => t.Dispose());
    }

    [Fact]
    public void A_thousand_threads()
    {
        var program = Start("crowd 1000");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            Assert.Equal(1001, tracee.Threads.Count);
            tracee.Inject(allThreads: true);
            foreach (var puppet in tracee.Puppets)
                Assert.Equal(program.Pid, PidIn(puppet));
        }
        program.IsUnharmed();
        program.GoesOn();
    }

    [Fact]
    public void Threads_are_born_and_end_meanwhile()
    {
        var program = Start("crowd 20 changing");
        using var guard = Guard.Start();
        for (int round = 0; round < 60; round++)
        {
            using (var tracee = guard.Seize(program.Pid))
            {
                Assert.Equal(program.Threads, tracee.Threads.Select(t => t.Tid).Order());
                Assert.All(program.Threads, t => Assert.Equal('t', program.Status(t, "State")[0]));
                tracee.Inject(allThreads: round % 2 == 0);
                Assert.Equal(program.Pid, PidIn(tracee.Puppets[0]));
            }
            if (round % 10 == 9)
                program.GoesOn(by: 1);
        }
        program.IsUnharmed();
        program.Finish();
    }

    [Fact]
    public void It_can_be_killed_in_place_of_being_let_go()
    {
        var program = Start("threads 8");
        using var guard = Guard.Start();
        using (var tracee = guard.Seize(program.Pid))
        {
            tracee.Inject(allThreads: true);
            tracee.Kill();
        }
        Assert.Equal(-Libc.SIGKILL, Child.Wait(program.Pid, TimeSpan.FromSeconds(20)));
        Assert.True(guard.Will.IsEmpty);
    }

    [Fact]
    public void It_can_be_left_stopped()
    {
        var program = Start("threads 8");
        using (var tracee = Tracee.Seize(program.Pid))
        {
            tracee.Inject(allThreads: true);
            tracee.StopForGood();
        }
        program.Await(() => program.Threads.All(t => program.Status(t, "State").StartsWith('T')), "is not stopped");
        Libc.kill(program.Pid, Libc.SIGCONT);
        program.IsUnharmed();
        program.GoesOn();
    }

    public static TheoryData<string, bool> Killed => new(from command in (string[])["counter", "threads 8", "filtered"] from asksGuard in (bool[])[false, true] select (command, asksGuard));

    /// <summary>The end of a leader is reported only after those of its threads: whoever waits for it alone waits for good.</summary>
    [Theory, MemberData(nameof(Killed))]
    public void When_it_is_killed_meanwhile_that_is_said(string command, bool asksGuard)
    {
        var program = Start(command);
        using var tracee = Tracee.Seize(program.Pid);
        tracee.Inject(allThreads: true);
        Libc.kill(program.Pid, Libc.SIGKILL);
        var e = Assert.Throws<ParasiteException>(() =>
        {
            if (asksGuard)
                tracee.PendingSignals(tracee.Threads[0], shared: true);
            else
                PidIn(tracee.Puppets[0]);
        });
        Assert.Contains($"pid {program.Pid}", e.Message);
        tracee.Dispose();
        Assert.Equal(-Libc.SIGKILL, Child.Wait(program.Pid, TimeSpan.FromSeconds(20)));
    }

    internal static long PidIn(Puppet puppet)
    {
        var batch = puppet.NewBatch();
        var pid = batch.Call(Syscall.Getpid);
        puppet.Run(batch);
        return pid.Value;
    }

    private static bool Within(string mapping, long address)
    {
        long[] range = [.. mapping.Split(' ')[0].Split('-').Select(t => Convert.ToInt64(t, 16))];
        return address >= range[0] && address < range[1];
    }
}
