using Criu.EndToEnd.Tests.Harness;
using Criu.Parasite.Tests.Harness;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Parasite.Tests;

/// <summary>What a guard does to open files when its engine goes, and does not do where that was taken back.</summary>
public sealed class PledgeTests : ParasiteTest
{
    private const int Datagrams = 7;                        // a socket of the workload

    private readonly Guard guard;
    private readonly Tracee tracee;
    private readonly SafeFileHandle socket;
    private readonly Pledge pledge;

    public PledgeTests()
    {
        guard = Mine(Guard.Start());
        tracee = guard.Seize(Start("unixsockets").Pid);
        socket = tracee.FetchDescriptor(Datagrams);
        pledge = guard.NewPledge();
    }

    [Fact]
    public void It_is_done_at_the_end_of_the_engine()
    {
        PledgeToPutBack();
        Assert.Equal(5, PeekOffset);
        End();
        Assert.Equal(-1, PeekOffset);
    }

    [Fact]
    public void What_was_added_last_is_done_first()
    {
        int copy = pledge.Fetch(tracee.Pid, [Datagrams])[0];
        pledge.Add([SetPeekOffset(copy, 1)]);
        pledge.Add([SetPeekOffset(copy, 2), SetPeekOffset(copy, 3)]);
        guard.LetAllGo();
        Assert.Equal(1, PeekOffset);
    }

    [Fact]
    public void It_is_not_done_once_it_is_dropped()
    {
        PledgeToPutBack();
        pledge.Drop();
        End();
        Assert.Equal(5, PeekOffset);
    }

    [Fact]
    public void It_falls_with_the_processes_that_are_killed()
    {
        PledgeToPutBack();
        guard.Kill([tracee], [], [pledge]);
        End();
        Assert.Equal(5, PeekOffset);
    }

    [Fact]
    public unsafe void A_message_is_sent()
    {
        int* ends = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_DGRAM | Sockets.SOCK_CLOEXEC, 0, (long)ends));
        using SafeFileHandle one = Kernel.Own(ends[0]), other = Kernel.Own(ends[1]);
        int copy = pledge.Fetch(Environment.ProcessId, [ends[0]])[0];
        pledge.Add([PledgedCall.Send(copy, "bye"u8)]);
        End();
        byte[] got = new byte[8];
        fixed (byte* into = got)
            Assert.Equal(3, Kernel.Call(Nr.recvfrom, other.Fd(), (long)into, got.Length, Sockets.MSG_DONTWAIT, 0, 0));
        Assert.Equal("bye"u8, got.AsSpan(0, 3));
    }

    /// <summary>The end of a descriptor that only the guard has is seen at the other end.</summary>
    [Fact]
    public unsafe void A_descriptor_is_closed()
    {
        int* ends = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.pipe2, (long)ends, Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK));
        using SafeFileHandle reading = Kernel.Own(ends[0]);
        int copy;
        using (Kernel.Own(ends[1]))
            copy = pledge.Fetch(Environment.ProcessId, [ends[1]])[0];
        byte got;
        Assert.Equal(-Errno.EAGAIN, Kernel.Call(Nr.read, reading.Fd(), (long)(&got), 1));
        pledge.Add([PledgedCall.Close(copy)]);
        guard.LetAllGo();
        Assert.Equal(0, Kernel.Call(Nr.read, reading.Fd(), (long)(&got), 1));
    }

    /// <summary>A queue that shows what it holds only to who takes it: nothing of it is ever the engine's alone.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public unsafe void What_was_taken_is_put_back_once(bool byTheEngine)
    {
        int* ends = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.pipe2, (long)ends, Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK));
        using SafeFileHandle reading = Kernel.Own(ends[0]), writing = Kernel.Own(ends[1]);
        byte[] content = [.. Enumerable.Range(0, 9000).Select(i => (byte)i)], got = new byte[20000];
        fixed (byte* from = content)
            Assert.Equal(content.Length, Kernel.Call(Nr.write, writing.Fd(), (long)from, content.Length));
        int[] copies = pledge.Fetch(Environment.ProcessId, [ends[0], ends[1]]);
        PledgedQueue queue = pledge.NewQueue(copies[0], copies[1]);
        pledge.Add([PledgedCall.Return(queue)]);
        fixed (byte* into = got)
        {
            pledge.Take([], [queue]);
            Assert.Equal(content, queue.ToArray());
            Assert.Equal(-Errno.EAGAIN, Kernel.Call(Nr.read, reading.Fd(), (long)into, got.Length));
            if (byTheEngine)
            {
                Assert.Equal(content.Length, pledge.PutBack([PledgedCall.Write(copies[1], content)], [queue])[0]);
                Assert.Empty(queue.ToArray());
            }
            End();
            Assert.Equal(content.Length, Kernel.Call(Nr.read, reading.Fd(), (long)into, got.Length));
        }
        Assert.Equal(content, got[..content.Length]);
    }

    [Fact]
    public unsafe void An_ioctl_and_flags_are_set()
    {
        const uint Fionbio = 0x5421;
        int* ends = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.pipe2, (long)ends, Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK));
        using SafeFileHandle reading = Kernel.Own(ends[0]), writing = Kernel.Own(ends[1]);
        int[] copies = pledge.Fetch(Environment.ProcessId, [ends[0], ends[1]]);
        pledge.Add([PledgedCall.Ioctl(copies[0], Fionbio, [0, 0, 0, 0]), PledgedCall.SetFlags(copies[1], Fcntl.O_APPEND)]);
        End();
        Assert.Equal((long)Fcntl.O_RDONLY, Kernel.Call(Nr.fcntl, reading.Fd(), Fcntl.F_GETFL));
        Assert.Equal((long)(Fcntl.O_WRONLY | Fcntl.O_APPEND), Kernel.Call(Nr.fcntl, writing.Fd(), Fcntl.F_GETFL));
    }

    [Fact]
    public void Many_descriptors_are_fetched_in_order()
    {
        int[] copies = pledge.Fetch(tracee.Pid, [.. Enumerable.Repeat(Datagrams, 2500)]);
        Assert.Equal(copies.Length, copies.Distinct().Count());
        pledge.Add([.. copies.Select((copy, i) => SetPeekOffset(copy, i))]);
        guard.LetAllGo();
        Assert.Equal(2499, PeekOffset);
    }

    [Fact]
    public void A_descriptor_that_is_not_there_is_refused()
    {
        var e = Assert.Throws<BatchException>(() => pledge.Fetch(tracee.Pid, [Datagrams, 9999]));
        Assert.Contains("EBADF", e.Message);
    }

    private void PledgeToPutBack()
    {
        pledge.Add([SetPeekOffset(pledge.Fetch(tracee.Pid, [Datagrams])[0], -1)]);
        SetPeekOffset(5);
    }

    private static PledgedCall SetPeekOffset(int copy, int value) => PledgedCall.SetOption(copy, Sockets.SOL_SOCKET, So.PEEK_OFF, value);

    private unsafe void SetPeekOffset(int value) =>
        Assert.Equal(0, Kernel.Call(Nr.setsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.PEEK_OFF, (long)(&value), sizeof(int)));

    private unsafe int PeekOffset
    {
        get
        {
            int value, length = sizeof(int);
            Assert.Equal(0, Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.PEEK_OFF, (long)(&value), (long)(&length)));
            return value;
        }
    }

    private void End()
    {
        guard.Abandon();
        Assert.True(Child.Until(() => Proc.State(guard.Pid) is 'Z' or '-'));
    }
}
