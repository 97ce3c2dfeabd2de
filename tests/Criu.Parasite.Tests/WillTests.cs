using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;

namespace Criu.Parasite.Tests;

/// <summary>What a guard does when its engine goes: the newest undo first, each once it is valid and as long as it is.</summary>
public sealed class WillTests : ParasiteTest
{
    private readonly Guard guard;
    private readonly Slot<long> word;

    public WillTests()
    {
        guard = Mine(Guard.Start());
        word = guard.Keep<long>(8);
    }

    [Fact]
    public void It_runs_at_the_end_of_the_engine_newest_first()
    {
        var owner = NewOwner();
        var batch = guard.NewBatch();
        guard.Will.Push(batch, owner, Store(0, 1));
        guard.Will.Push(batch, owner, [.. Store(0, 2), .. Store(1, 3)]);
        guard.Run(batch);
        Assert.Equal([0, 0], word.Span[..2]);
        End();
        Assert.Equal([1, 3], word.Span[..2]);
        Assert.Equal(0, owner.Active.Value);
    }

    [Fact]
    public void It_is_valid_only_from_the_step_that_makes_it_so()
    {
        var batch = guard.NewBatch();
        batch.Call(Syscall.Close, -1);
        guard.Will.Push(batch, NewOwner(), Store(0, 1));
        Assert.Throws<BatchException>(() => guard.Run(batch));
        End();
        Assert.Equal(0, word.Value);
    }

    [Fact]
    public void What_was_undone_is_not_undone_again()
    {
        WillOwner first = NewOwner(), second = NewOwner();
        var batch = guard.NewBatch();
        guard.Will.Push(batch, first, Store(0, 1));
        guard.Will.Push(batch, second, Store(1, 1));
        guard.Run(batch);
        guard.Will.Undo(first);                             // not the newest
        Assert.Equal([1, 0], word.Span[..2]);
        word.Span[0] = 0;
        End();
        Assert.Equal([0, 1], word.Span[..2]);
    }

    /// <summary>It belongs to the socket and would outlive the engine.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void A_socket_option_is_as_it_was(bool inGoodOrder)
    {
        const int Datagrams = 7;                            // a socket of that workload
        var program = Start("unixsockets");
        var tracee = guard.Seize(program.Pid);
        using (var socket = tracee.FetchDescriptor(Datagrams))
        {
            var scope = tracee.ChangeSocketOption(Datagrams, So.PEEK_OFF, 5);
            Assert.Equal(5, PeekOffset(socket.Fd()));
            if (inGoodOrder)
                scope.Dispose();
            else
                End();
            Assert.Equal(-1, PeekOffset(socket.Fd()));
        }
        if (inGoodOrder)
            tracee.Dispose();
        program.GoesOn();
    }

    /// <summary>The same of a socket that is here: as one that waits in a socket of the process, of which we have a copy.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void A_socket_option_of_a_copy_is_as_it_was(bool inGoodOrder)
    {
        const int Datagrams = 7;                            // a socket of that workload
        var program = Start("unixsockets");
        var tracee = guard.Seize(program.Pid);
        using (var socket = tracee.FetchDescriptor(Datagrams))
        {
            var scope = tracee.ChangeSocketOption(Environment.ProcessId, socket.Fd(), So.PEEK_OFF, 5);
            Assert.Equal(5, PeekOffset(socket.Fd()));
            if (inGoodOrder)
                scope.Dispose();
            else
                End();
            Assert.Equal(-1, PeekOffset(socket.Fd()));
        }
        if (inGoodOrder)
            tracee.Dispose();
        program.GoesOn();
    }

    private static unsafe int PeekOffset(int socket)
    {
        int value, length = sizeof(int);
        Assert.Equal(0, Kernel.Call(Nr.getsockopt, socket, Sockets.SOL_SOCKET, So.PEEK_OFF, (long)(&value), (long)(&length)));
        return value;
    }

    [Fact]
    public void What_was_forgotten_is_not_undone()
    {
        WillOwner first = NewOwner(), second = NewOwner();
        var batch = guard.NewBatch();
        guard.Will.Push(batch, first, Store(0, 1));
        guard.Will.Push(batch, second, Store(1, 1));
        guard.Run(batch);
        guard.Will.Forget(second);
        End();
        Assert.Equal([1, 0], word.Span[..2]);
    }

    [Fact]
    public void Its_place_is_used_again()
    {
        for (int i = 0; i < 2000; i++)
        {
            var owner = NewOwner();
            var batch = guard.NewBatch();
            guard.Will.Push(batch, owner, [.. Enumerable.Repeat(Store(0, i)[0], 200)]);
            guard.Run(batch);
            guard.Will.Undo(owner);
            Assert.Equal(i, word.Value);
            Assert.True(guard.Will.IsEmpty);
        }
    }

    [Fact]
    public void All_is_undone_at_once()
    {
        var batch = guard.NewBatch();
        for (int i = 0; i < 8; i++)
            guard.Will.Push(batch, NewOwner(), Store(i, i + 1));
        guard.Run(batch);
        guard.LetAllGo();
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], word.Span);
        Assert.True(guard.Will.IsEmpty);
    }

    [Fact]
    public void What_is_pending_runs_last()
    {
        var batch = guard.NewBatch();
        guard.Will.BeginPending(batch, Store(0, 1));
        guard.Will.Push(batch, NewOwner(), Store(0, 2));
        guard.Run(batch);
        End();
        Assert.Equal(1, word.Value);
    }

    [Fact]
    public void What_is_no_longer_pending_does_not_run()
    {
        var batch = guard.NewBatch();
        guard.Will.BeginPending(batch, Store(0, 1));
        guard.Will.EndPending(batch);
        guard.Run(batch);
        End();
        Assert.Equal(0, word.Value);
    }

    [Fact]
    public void A_will_that_is_too_long_is_refused() =>
        Assert.Throws<ParasiteException>(() => guard.Will.Push(guard.NewBatch(), NewOwner(), new SyscallRecord[1_000_000]));

    private WillOwner NewOwner() => new(guard.Keep<int>());

    private SyscallRecord[] Store(int index, long value) => [SyscallRecord.Store(word.Remote + index * sizeof(long), value)];

    /// <summary>The guard reads end of file, runs its will and exits; its arena stays readable until it is disposed of.</summary>
    private void End()
    {
        guard.Abandon();
        Assert.True(Child.Until(() => Proc.State(guard.Pid) is 'Z' or '-'));
    }
}
