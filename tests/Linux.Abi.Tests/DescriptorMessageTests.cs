using Microsoft.Win32.SafeHandles;

namespace Linux.Abi.Tests;

/// <summary>unix(7), SCM_RIGHTS: what a look shows, and that it takes nothing.</summary>
public sealed unsafe class DescriptorMessageTests : IDisposable
{
    private readonly List<SafeFileHandle> handles = [];

    [Fact]
    public void A_look_at_a_stream_ends_behind_descriptors_and_takes_nothing()
    {
        var (from, to) = Pair(Sockets.SOCK_STREAM);
        DescriptorMessages.Send(from, "ab"u8, []);
        DescriptorMessages.Send(from, "cde"u8, [from, to]);
        DescriptorMessages.Send(from, "f"u8, []);
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal((5, 2), Look(to, 6, 0));
            Assert.Equal(2, DescriptorMessages.LookBefore(to, new byte[5]));
        }
    }

    [Fact]
    public void Nothing_comes_before_descriptors_that_were_sent_first()
    {
        var (from, to) = Pair(Sockets.SOCK_STREAM);
        DescriptorMessages.Send(from, "a"u8, [from]);
        Assert.Equal((1, 1), Look(to, 6, 0));
        Assert.Equal(0, DescriptorMessages.LookBefore(to, new byte[1]));
    }

    [Fact]
    public void Several_pieces_come_before()
    {
        var (from, to) = Pair(Sockets.SOCK_STREAM);
        foreach (string piece in (string[])["one", "two", "three"])
            DescriptorMessages.Send(from, System.Text.Encoding.ASCII.GetBytes(piece), []);
        DescriptorMessages.Send(from, "four"u8, [from]);
        Assert.Equal((15, 1), Look(to, 100, 0));
        Assert.Equal(11, DescriptorMessages.LookBefore(to, new byte[15]));
    }

    [Fact]
    public void A_packet_tells_its_length_where_it_is_cut()
    {
        var (from, to) = Pair(Sockets.SOCK_SEQPACKET);
        DescriptorMessages.Send(from, "packet"u8, [to]);
        Assert.Equal((6, 1), Look(to, 2, Sockets.MSG_TRUNC));
        Assert.Equal((-Errno.EAGAIN, 0), Look(from, 2, Sockets.MSG_TRUNC));
    }

    [Fact]
    public void The_sender_is_told_to_who_asks()
    {
        var (from, to) = Pair(Sockets.SOCK_STREAM);
        int on = 1;
        Assert.Equal(0, Kernel.Call(Nr.setsockopt, to, Sockets.SOL_SOCKET, So.PASSCRED, (long)(&on), sizeof(int)));
        DescriptorMessages.Send(from, "a"u8, []);
        DescriptorMessages.Look(to, new byte[1], handles, 0, out var sender, out _);
        Assert.Equal(Environment.ProcessId, sender?.Process);
    }

    /// <summary>What is written for another process is what the kernel takes from this one.</summary>
    [Fact]
    public void Control_messages_are_as_the_kernel_reads_them()
    {
        var (from, to) = Pair(Sockets.SOCK_DGRAM);
        int on = 1;
        Assert.Equal(0, Kernel.Call(Nr.setsockopt, to, Sockets.SOL_SOCKET, So.PASSCRED, (long)(&on), sizeof(int)));
        var own = new PeerCredentials { Process = Environment.ProcessId, User = (uint)Kernel.Call(Nr.getuid), Group = (uint)Kernel.Call(Nr.getgid) };
        byte[] control = DescriptorMessages.Control([from, to, from], own);
        fixed (byte* bytes = control)
        {
            var header = new MessageHeader { Control = (ulong)bytes, ControlLength = (ulong)control.Length };
            Assert.Equal(0, Kernel.Call(Nr.sendmsg, from, (long)(&header), 0));
        }
        Assert.Equal((0, 3), Look(to, 1, 0));
        Assert.Empty(DescriptorMessages.Control([], null));
    }

    private (long, int) Look(int socket, int bytes, int flags)
    {
        var descriptors = new List<SafeFileHandle>();
        long got = DescriptorMessages.Look(socket, new byte[bytes], descriptors, flags, out _, out bool lacks);
        descriptors.ForEach(d => d.Dispose());
        Assert.False(lacks);
        return (got, descriptors.Count);
    }

    private (int From, int To) Pair(int type)
    {
        int* pair = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, type | Sockets.SOCK_CLOEXEC, 0, (long)pair));
        handles.AddRange([Kernel.Own(pair[0]), Kernel.Own(pair[1])]);
        return (pair[0], pair[1]);
    }

    public void Dispose() => handles.ForEach(h => h.Dispose());
}
