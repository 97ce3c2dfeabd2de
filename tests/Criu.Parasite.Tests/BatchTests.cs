using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;

namespace Criu.Parasite.Tests;

/// <summary>The blob against its description, in a guard that holds nobody: every kind of record.</summary>
public sealed class BatchTests : ParasiteTest
{
    private readonly Guard guard;

    public BatchTests() => guard = Mine(Guard.Start());

    [Fact]
    public void A_result_becomes_an_argument()
    {
        var batch = guard.NewBatch();
        var fd = batch.Call(Syscall.MemfdCreate, batch.Text("x"), 0);
        batch.Call(Syscall.Ftruncate, fd, 12345);
        var end = batch.Call(Syscall.Lseek, fd, 0, Fcntl.SEEK_END);
        batch.Call(Syscall.Close, fd);
        guard.Run(batch);
        Assert.Equal(12345, end.Value);
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Every_argument_can_be_a_result(int k)
    {
        var batch = guard.NewBatch();
        batch.Call(Syscall.Getpid);
        var source = batch.Call(Syscall.Getpid);
        Argument[] arguments = [-11, -12, -13, -14, -15, -16];
        arguments[k] = source;
        var last = batch.Try((Syscall)1000, arguments);             // no such call: the record alone is of interest
        guard.Run(batch);
        Assert.Equal(-Errno.ENOSYS, last.Value);
        var record = batch.Records.Span[last.Index];
        Assert.Equal([.. Enumerable.Range(0, 6).Select(i => i == k ? guard.Pid : -11L - i)], (long[])[.. Enumerable.Range(0, 6).Select(i => record.Arguments[i])]);
    }

    [Fact]
    public void Two_results_in_one_record_are_refused()
    {
        var batch = guard.NewBatch();
        var pid = batch.Call(Syscall.Getpid);
        Assert.Throws<InvalidOperationException>(() => batch.Call(Syscall.Kill, pid, pid));
    }

    [Fact]
    public void An_argument_can_be_an_integer_in_memory()
    {
        var batch = guard.NewBatch();
        var pair = batch.NewArray<int>(2);
        batch.Call(Syscall.Pipe2, pair.Remote, 0L);
        var written = batch.CallWith(Syscall.Write, 0, pair.Remote + sizeof(int), 0, batch.Text("abc"), 3);
        var read = batch.CallWith(Syscall.Read, 0, pair.Remote, 0, batch.Buffer(8, out var bytes), 8);
        batch.CallWith(Syscall.Close, 0, pair.Remote, 0L);
        batch.CallWith(Syscall.Close, 0, pair.Remote + sizeof(int), 0L);
        guard.Run(batch);
        Assert.Equal((3, 3), (written.Value, read.Value));
        Assert.Equal("abc"u8, bytes.Span[..3]);
    }

    [Fact]
    public void An_error_ends_the_batch_where_the_call_had_to_succeed()
    {
        var batch = guard.NewBatch();
        var reached = batch.New(0L);
        var tried = batch.Try(Syscall.Close, -1);
        batch.Call(Syscall.Close, -1);
        batch.Store64(reached.Remote, 1);
        var e = Assert.Throws<BatchException>(() => guard.Run(batch));
        Assert.Equal((Syscall.Close, 1, Errno.EBADF), (e.Call, e.Record, e.ErrorNumber));
        Assert.Contains("EBADF", e.Message);
        Assert.Contains("Close", e.Message);
        Assert.True(tried.Failed);
        Assert.Equal(0, reached.Value);
    }

    [Theory]
    [InlineData(-4095, true), InlineData(-4096, false), InlineData(0, false), InlineData(-1, true)]
    public void Only_the_last_4095_values_are_errors(int fromHere, bool error)
    {
        // lseek64 answers what it is given where the file may have negative offsets: /proc/self/mem.
        var batch = guard.NewBatch();
        var fd = batch.Call(Syscall.Openat, Fcntl.AT_FDCWD, batch.Text("/proc/self/mem"), 0L);
        var at = batch.Try(Syscall.Lseek, fd, fromHere, 0L);
        batch.Call(Syscall.Close, fd);
        guard.Run(batch);
        Assert.Equal((fromHere, error), (at.Value, at.Failed));
    }

    [Fact]
    public void Values_are_stored()
    {
        var batch = guard.NewBatch();
        var word = batch.New(0L);
        batch.Store64(word.Remote, unchecked((long)0x8877665544332211));
        guard.Run(batch);
        Assert.Equal(unchecked((long)0x8877665544332211), word.Value);
    }

    [Fact]
    public void A_result_is_stored()
    {
        var batch = guard.NewBatch();
        var word = batch.New(0L);
        batch.Store64(word.Remote, batch.Call(Syscall.Getpid));
        guard.Run(batch);
        Assert.Equal(guard.Pid, word.Value);
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(3), InlineData(8), InlineData(5000)]
    public void Bytes_are_copied(int count)
    {
        var batch = guard.NewBatch();
        byte[] pattern = [.. Enumerable.Range(0, 5002).Select(i => (byte)(i * 7 + 1))];
        var to = batch.NewArray<byte>(5002);
        batch.Copy(to.Remote + 1, batch.Bytes(pattern) + 1, count);
        guard.Run(batch);
        Assert.Equal([0, .. pattern[1..(1 + count)], .. new byte[5001 - count]], to.Span.ToArray());
    }

    [Fact]
    public void A_jump_passes_over_steps_when_the_masked_bits_are_equal()
    {
        var batch = guard.NewBatch();
        var word = batch.New(0x11223344_55667788);
        Slot<long>[] marks = [batch.New(0L), batch.New(0L), batch.New(0L)];
        batch.SkipIf(1, word.Remote, 0xff00, 0x7700);
        batch.Store64(marks[0].Remote, 1);
        batch.SkipIf(1, word.Remote, 0xff00, 0x7600);
        batch.Store64(marks[1].Remote, 1);
        batch.SkipIf(1, word.Remote, -1, 0x55667788);               // 32 bits, whatever lies behind them
        batch.Store64(marks[2].Remote, 1);
        guard.Run(batch);
        Assert.Equal([0L, 1, 0], marks.Select(m => m.Value));
    }

    [Fact]
    public void A_jump_to_the_end_ends_the_batch()
    {
        var batch = guard.NewBatch();
        var mark = batch.New(0L);
        batch.SkipIf(1, mark.Remote, -1, 0);
        batch.Store64(mark.Remote, 1);
        guard.Run(batch);
        Assert.Equal(0, mark.Value);
    }

    [Fact]
    public void A_jump_goes_back()
    {
        var batch = guard.NewBatch();
        var end = batch.New(0L);
        var fd = batch.Call(Syscall.MemfdCreate, batch.Text("x"), 0);
        batch.Call(Syscall.Write, fd, batch.Text("."), 1);
        batch.Store64(end.Remote, batch.Call(Syscall.Lseek, fd, 0, Fcntl.SEEK_CUR));
        batch.Add(SyscallRecord.Jump(2, end.Remote, -1, 5));
        batch.Add(SyscallRecord.Jump(-4, end.Remote, 0, 0));        // always
        batch.Call(Syscall.Close, fd);
        guard.Run(batch);
        Assert.Equal(5, end.Value);
    }

    [Fact]
    public void Targets_can_be_relative_to_their_record()
    {
        var batch = guard.NewBatch();
        var word = batch.New<long>(guard.Pid);
        batch.Add(SyscallRecord.CopyToNext(argument: 1, word.Remote, sizeof(long)));
        var copied = batch.Try((Syscall)1000, 1, 2, 3);
        var pid = batch.Call(Syscall.Getpid);
        batch.Add(SyscallRecord.JumpRelative(2, -SyscallRecord.Size + RecordOffset.Result, -1, guard.Pid));
        var passed = batch.Call(Syscall.Getpid);
        var stored = batch.Try((Syscall)1000);
        batch.Add(new SyscallRecord(SyscallRecord.Store64, SyscallRecord.TargetIsRelative, -SyscallRecord.Size + RecordOffset.Result, 77));
        guard.Run(batch);
        Assert.Equal(guard.Pid, batch.Records.Span[copied.Index].Arguments[1]);
        Assert.Equal((guard.Pid, 0, 77), (pid.Value, passed.Value, stored.Value));
    }

    [Fact]
    public void A_result_of_the_last_batch_is_gone_when_the_next_begins()
    {
        var batch = guard.NewBatch();
        var pid = batch.Call(Syscall.Getpid);
        guard.Run(batch);
        guard.NewBatch();
        Assert.Throws<InvalidOperationException>(() => pid.Value);
    }

    [Fact]
    public void A_batch_that_does_not_fit_is_refused()
    {
        var batch = guard.NewBatch();
        Assert.Throws<ParasiteException>(() => batch.NewArray<byte>(1 << 30));
        batch = guard.NewBatch();
        while (batch.Free >= SyscallRecord.Size)
            batch.Call(Syscall.Getpid);
        Assert.Throws<ParasiteException>(() => batch.Call(Syscall.Getpid));
    }

    [Fact]
    public void Two_hundred_thousand_records_run()
    {
        var batch = guard.NewBatch();
        StepResult last = default;
        for (int i = 0; i < 200_000; i++)
            last = batch.Call(Syscall.Getpid);
        guard.Run(batch);
        Assert.Equal(guard.Pid, last.Value);
    }

    [Fact]
    public async Task The_engines_own_collections_do_not_disturb_batches()
    {
        for (int i = 0; i < 300; i++)
        {
            var batch = guard.NewBatch();
            var pid = batch.Call(Syscall.Getpid);
            var running = Task.Run(() => guard.Run(batch), TestContext.Current.CancellationToken);
            GC.Collect(0);
            await running;
            Assert.Equal(guard.Pid, pid.Value);
        }
    }
}
