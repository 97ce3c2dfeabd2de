using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Holding by a filter on the socket, and not at all.</summary>
public sealed class LockingSocketFilterTests
{
    private const int SO_ATTACH_BPF = 50, BPF_PROG_LOAD = 5, BPF_PROG_TYPE_SOCKET_FILTER = 1;

    [Theory, InlineData("IPv4"), InlineData("IPv6"), InlineData("mapped")]
    public void Held_traffic_arrives_after_the_release_and_other_connections_go_on(string kind) => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(kind), other = new(kind);
        using var connectionLock = new SocketFilterLock();
        Assert.Equal(0u, connectionLock.Mark);
        connectionLock.Hold([pair.Held]);
        connectionLock.Hold([pair.Held, pair.Held]);
        LockingPair.NothingComes(pair.Peer, pair.Ours);
        other.Passes();
        connectionLock.Release([pair.Held, other.Held]);
        LockingPair.Receive(pair.Ours);
        pair.Passes();
        connectionLock.Release([pair.Held]);
    });

    /// <summary>Kernels differ in whether he may; he holds and releases, or is told what he needs, and may release in any case.</summary>
    [Fact]
    public void An_ordinary_user_holds_or_is_told_what_is_needed() => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(), other = new();
        using var connectionLock = new SocketFilterLock();
        connectionLock.Hold([other.Held]);
        LockingNamespace.BecomeOrdinaryUser();
        if (Record.Exception(() => connectionLock.Hold([pair.Held])) is { } e)
            Assert.Equal($"SO_ATTACH_FILTER of {pair.Flow} failed: EPERM. This kernel wants CAP_NET_ADMIN for a filter on TCP, in the user namespace that owns the socket's network namespace, or a repair helper that has it",
                Assert.IsType<SoccrException>(e).Message);
        else
            LockingPair.NothingComes(pair.Peer, pair.Ours);
        connectionLock.Release([pair.Held, other.Held]);
        other.Passes();
    });

    [Fact]
    public void Disposed_it_lets_go_of_what_is_left() => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(), closed = new();
        using (var connectionLock = new SocketFilterLock())
        {
            connectionLock.Hold([pair.Held, closed.Held]);
            LockingPair.NothingComes(pair.Peer, pair.Ours);
            closed.Ours.Dispose();
        }
        LockingPair.Receive(pair.Ours);
        pair.Passes();
    });

    [Fact]
    public void A_connection_without_socket_is_refused_and_then_none_is_held() => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(), other = new();
        using var connectionLock = new SocketFilterLock();
        var e = Assert.Throws<SoccrException>(() => connectionLock.Hold([pair.Held, other.Held with { Socket = null }]));
        Assert.StartsWith($"{other.Flow} has no socket: a filter cannot hold the traffic between close and restore", e.Message);
        pair.Passes();
        connectionLock.Release([other.Held with { Socket = null }]);
    });

    [Fact]
    public void A_filter_of_the_application_is_not_replaced() => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(), other = new();
        Assert.Equal(0, AttachAccepting(other.Ours));
        using var connectionLock = new SocketFilterLock();
        var e = Assert.Throws<SoccrException>(() => connectionLock.Hold([pair.Held, other.Held]));
        Assert.Equal($"{other.Flow} has a filter of its own (2 instructions), which ours would replace. Use NftablesLock", e.Message);
        pair.Passes();
        other.Passes();
    });

    [Fact]
    public void Nor_is_one_in_eBPF() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        pair.Ours.SetRawSocketOption(Sockets.SOL_SOCKET, SO_ATTACH_BPF, BitConverter.GetBytes(LoadAcceptingProgram()));
        using var connectionLock = new SocketFilterLock();
        Assert.Equal($"{pair.Flow} has a filter of its own (eBPF), which ours would replace. Use NftablesLock", Assert.Throws<SoccrException>(() => connectionLock.Hold([pair.Held])).Message);
        pair.Passes();
    });

    [Fact]
    public void A_locked_socket_is_refused() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        pair.Ours.SetRawSocketOption(Sockets.SOL_SOCKET, So.LOCK_FILTER, BitConverter.GetBytes(1));
        using var connectionLock = new SocketFilterLock();
        Assert.Equal($"{pair.Flow} has SO_LOCK_FILTER: no filter can be put on it. Use NftablesLock", Assert.Throws<SoccrException>(() => connectionLock.Hold([pair.Held])).Message);
    });

    [Fact]
    public void A_closed_socket_is_told() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        var held = pair.Held;
        pair.Ours.Dispose();
        using var connectionLock = new SocketFilterLock();
        Assert.Equal($"SO_GET_FILTER of {pair.Flow} failed: EBADF", Assert.Throws<SoccrException>(() => connectionLock.Hold([held])).Message);
    });

    [Fact]
    public void No_lock_holds_nothing() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var connectionLock = new NoLock();
        connectionLock.Hold([pair.Held]);
        pair.Passes();
        connectionLock.Release([pair.Held]);
        Assert.Equal(0u, connectionLock.Mark);
    });

    /// <summary>Two instructions, of which the second is never reached.</summary>
    private static unsafe long AttachAccepting(Socket socket)
    {
        FilterInstruction* instructions = stackalloc FilterInstruction[2];
        instructions[0] = instructions[1] = new FilterInstruction { Code = SocketFilter.BPF_RET, K = uint.MaxValue };
        var program = new FilterProgram { Length = 2, Instructions = (ulong)instructions };
        return Kernel.Call(Nr.setsockopt, socket.SafeHandle.DangerousGetHandle(), Sockets.SOL_SOCKET, So.ATTACH_FILTER, (long)(&program), sizeof(FilterProgram));
    }

    /// <summary>r0 = -1; exit. Its descriptor stays open until the test process ends.</summary>
    private static unsafe int LoadAcceptingProgram()
    {
        ulong* code = stackalloc ulong[] { 0xffffffff_0000_00b7, 0x95 };
        fixed (byte* license = "GPL\0"u8)
        {
            ulong* attributes = stackalloc ulong[16];           // union bpf_attr, linux/bpf.h: type and count, instructions, license
            new Span<ulong>(attributes, 16).Clear();
            (attributes[0], attributes[1], attributes[2]) = (BPF_PROG_TYPE_SOCKET_FILTER | 2UL << 32, (ulong)code, (ulong)license);
            long fd = Kernel.Call(Nr.bpf, BPF_PROG_LOAD, (long)attributes, 16 * sizeof(ulong));
            Assert.False(Kernel.Failed(fd), Errno.Name(fd));
            return (int)fd;
        }
    }
}
