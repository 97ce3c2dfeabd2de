using System.Net;
using System.Net.Sockets;
using System.Numerics;
using Criu.EndToEnd.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>What the kernel's own structures tell of many sockets at once is what getsockopt tells of each.</summary>
public sealed class KernelViewTests(ITestOutputHelper output)
{
    private static readonly string[] Elsewhere = ["TCP_FASTOPEN", "SO_INCOMING_CPU"];           // of listeners alone: nobody has so many

    public static TheoryData<string> Names => [.. OptionTable.Rows.Select(r => r.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_changed_option_shows(string name) => LockingNamespace.Run(() =>
    {
        var row = OptionTable.Rows.Single(r => r.Name == name);
        bool isIPv6 = row.Level == Inet.IPPROTO_IPV6;
        using var socket = OptionTests.New(isIPv6);
        if (IteratorOrSkip().Fields.Of(row.Level, row.Number).Length == 0)
        {
            output.WriteLine($"{name}: not found in this kernel's types");
            return;
        }
        Assert.True(IsUsual(socket, isIPv6, row.Level, row.Number));
        var calls = new SocketCalls((int)socket.Handle, name);
        long result = calls.TrySet(row.Level, row.Number, OptionTests.Values.GetValueOrDefault(name) ?? OptionTests.Bytes(1));
        Assert.True(result == 0 || result == -Errno.ENOPROTOOPT, $"{name} cannot be set: {result}");
        Assert.NotEqual(result == 0, IsUsual(socket, isIPv6, row.Level, row.Number));
    });

    [Theory, InlineData(So.REUSEADDR), InlineData(So.KEEPALIVE)]
    public void So_does_what_repair_mode_uses(int number) => LockingNamespace.Run(() =>
    {
        IteratorOrSkip();
        using var socket = OptionTests.New(isIPv6: false);
        Assert.True(IsUsual(socket, false, Sockets.SOL_SOCKET, number));
        Assert.Equal(0, new SocketCalls((int)socket.Handle, "").TrySet(Sockets.SOL_SOCKET, number, 1));
        Assert.False(IsUsual(socket, false, Sockets.SOL_SOCKET, number));
    });

    [Fact]
    public void So_do_the_locks_of_buffers_but_not_that_it_is_bound() => LockingNamespace.Run(() =>
    {
        IteratorOrSkip();
        using var socket = OptionTests.New(isIPv6: false);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.True(IsUsual(socket, false, Sockets.SOL_SOCKET, So.BUF_LOCK));
        socket.ReceiveBufferSize = 10_000;
        Assert.False(IsUsual(socket, false, Sockets.SOL_SOCKET, So.BUF_LOCK));
    });

    [Theory, InlineData(false), InlineData(true)]
    public void A_cork_shows_on_a_connection(bool isIPv6) => LockingNamespace.Run(() =>
    {
        IteratorOrSkip();
        var (socket, peer) = OptionTests.Connected(isIPv6);
        using (socket)
        using (peer)
        {
            Assert.True(IsUsual(socket, isIPv6, Inet.IPPROTO_TCP, Tcp.CORK));
            Assert.Equal(0, new SocketCalls((int)socket.Handle, "").TrySet(Inet.IPPROTO_TCP, Tcp.CORK, 1));
            Assert.False(IsUsual(socket, isIPv6, Inet.IPPROTO_TCP, Tcp.CORK));
            foreach (int asked in (int[])[Tcp.MD5SIG, Tcp.ULP])
                Assert.True(IsUsual(socket, isIPv6, Inet.IPPROTO_TCP, asked));
        }
    });

    /// <summary>Connections with a few options each, drawn by chance: read with the view and without it they are the same.</summary>
    [Fact]
    public void Options_are_the_same_with_it_and_without() => LockingNamespace.Run(() =>
    {
        const int Count = 200, Most = 6, Seed = 11;
        IteratorOrSkip();
        var random = new Random(Seed);
        List<Socket> all = [];
        try
        {
            for (int i = 0; i < Count; i++)
            {
                var (socket, peer) = OptionTests.Connected(isIPv6: i % 2 == 1);
                all.AddRange([socket, peer!]);
                for (int set = random.Next(Most); set > 0; set--)
                {
                    var row = OptionTable.Rows[random.Next(OptionTable.Rows.Length)];
                    new SocketCalls((int)socket.Handle, "").TrySet(row.Level, row.Number, OptionTests.Values.GetValueOrDefault(row.Name) ?? OptionTests.Bytes(1));
                }
            }
            using var views = OptionViews.TryRead(int.MaxValue)!;
            int known = 0;
            foreach (var socket in all)
            {
                var calls = new SocketCalls((int)socket.Handle, socket);
                var identity = SocketIdentity.Read(calls);
                var (with, without) = (SavedOptions.Read(calls, identity, views.Of(calls.Fd, identity.IsIPv6)), SavedOptions.Read(calls, identity, default));
                Assert.Equal(Words(without), Words(with));
                known += with.HasNoKeys ? 1 : 0;
            }
            Assert.Equal(all.Count, known);             // each of them was looked at
        }
        finally
        {
            all.ForEach(s => s.Dispose());
        }
    });

    /// <summary>On a kernel that has the names of the table there is nearly nothing left to ask for.</summary>
    [Fact]
    public void Members_of_structures_are_found()
    {
        var fields = IteratorOrSkip().Fields;
        string[] missing = [.. OptionTable.Rows.Where(r => fields.Of(r.Level, r.Number).Length == 0).Select(r => r.Name).Except(Elsewhere)];
        output.WriteLine($"{fields.Spans.Count} spans, {fields.Size} bytes; not found: {string.Join(' ', missing)}");
        Assert.InRange(missing.Length, 0, OptionTable.Rows.Length / 2);

        var types = KernelTypes.TryRead()!;
        Assert.Null(types.Find("tcp_sock.no_such_member"));
        Assert.Null(types.Find("no_such_structure.member"));
        Assert.Null(types.Find("tcp_sock.inet_conn"));                          // longer than a number
        Assert.Equal(4, BitOperations.PopCount(types.Find("tcp_sock.nonagle")!.Value.Mask));
        Assert.Equal(types.Find("sock.__sk_common.skc_family")!.Value, types.Find("sock_common.skc_family")!.Value);
        Assert.Equal(4, types.Find("sock_common.skc_daddr")!.Value.Size);       // in a structure without a name, in a union without one
    }

    private static string Words(SavedOptions o) =>
        $"{o.ReuseAddress} {o.KeepAlive} {o.IsNonBlocking} {o.Cork} {o.BufferLocks} {string.Join(", ", o.Others.Select(one => $"{one} {Convert.ToHexString(one.Value.AsSpan())}"))}";

    private static SocketIterator IteratorOrSkip()
    {
        if (SocketIterator.Instance == null)
            Skips.Because("needs BPF iterators: BTF in the kernel, CAP_BPF and CAP_PERFMON");
        return SocketIterator.Instance!;
    }

    private static bool IsUsual(Socket socket, bool isIPv6, int level, int number)
    {
        using var views = OptionViews.TryRead(int.MaxValue);
        return views!.Of((int)socket.Handle, isIPv6).IsUsual(level, number);
    }
}
