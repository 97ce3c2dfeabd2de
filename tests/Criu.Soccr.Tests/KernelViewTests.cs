using System.Diagnostics;
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
        using var other = OptionTests.New(isIPv6);
        if (ViewOrSkip().SocketFields.Of(row.Level, row.Number).Length == 0)
        {
            output.WriteLine($"{name}: not found in this kernel's types");
            return;
        }
        Assert.True(IsUsual(socket, isIPv6, row.Level, row.Number));
        Assert.True(AreAlike(socket, other));
        var calls = new SocketCalls((int)socket.Handle, name);
        long result = calls.TrySet(row.Level, row.Number, OptionTests.Values.GetValueOrDefault(name) ?? OptionTests.Bytes(1));
        Assert.True(result == 0 || result == -Errno.ENOPROTOOPT, $"{name} cannot be set: {result}");
        Assert.NotEqual(result == 0, IsUsual(socket, isIPv6, row.Level, row.Number));
        Assert.NotEqual(result == 0 && (row.Level, row.Number) != SocketFields.Private, AreAlike(socket, other));
    });

    [Fact]
    public void Sockets_are_alike_whatever_their_ends_but_not_if_one_blocks_or_is_of_another_family() => LockingNamespace.Run(() =>
    {
        ViewOrSkip();
        var (one, peer) = OptionTests.Connected(isIPv6: false);
        var (other, otherPeer) = OptionTests.Connected(isIPv6: false);
        using (one)
        using (peer)
        using (other)
        using (otherPeer)
        {
            using var v6 = OptionTests.New(isIPv6: true);
            using var v4 = OptionTests.New(isIPv6: false);
            Assert.True(AreAlike(one, other));
            Assert.False(AreAlike(v4, v6));
            one.Blocking = false;
            Assert.False(AreAlike(one, other));
        }
    });

    [Theory, InlineData(So.REUSEADDR), InlineData(So.KEEPALIVE)]
    public void So_does_what_repair_mode_uses(int number) => LockingNamespace.Run(() =>
    {
        ViewOrSkip();
        using var socket = OptionTests.New(isIPv6: false);
        Assert.True(IsUsual(socket, false, Sockets.SOL_SOCKET, number));
        Assert.Equal(0, new SocketCalls((int)socket.Handle, "").TrySet(Sockets.SOL_SOCKET, number, 1));
        Assert.False(IsUsual(socket, false, Sockets.SOL_SOCKET, number));
    });

    [Fact]
    public void So_do_the_locks_of_buffers_but_not_that_it_is_bound() => LockingNamespace.Run(() =>
    {
        ViewOrSkip();
        using var socket = OptionTests.New(isIPv6: false);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.True(IsUsual(socket, false, Sockets.SOL_SOCKET, So.BUF_LOCK));
        socket.ReceiveBufferSize = 10_000;
        Assert.False(IsUsual(socket, false, Sockets.SOL_SOCKET, So.BUF_LOCK));
    });

    [Theory, InlineData(false), InlineData(true)]
    public void A_cork_shows_on_a_connection(bool isIPv6) => LockingNamespace.Run(() =>
    {
        ViewOrSkip();
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

    /// <summary>Connections with a few options each, drawn by chance: read with the views, and those of others that are alike, and without they are the same.</summary>
    [Fact]
    public void Options_are_the_same_with_it_and_without() => LockingNamespace.Run(() =>
    {
        const int Count = 200, Most = 6, Seed = 11;
        ViewOrSkip();
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
                socket.Blocking = i % 3 != 0;
            }
            using var reader = new OptionReader(areAlike: false, int.MaxValue);
            HashSet<SavedOptions> different = new(ReferenceEqualityComparer.Instance);
            foreach (var socket in all)
            {
                var calls = new SocketCalls((int)socket.Handle, socket);
                var (identity, seen) = (SocketIdentity.Read(calls), reader.Identify(calls));
                Assert.Equal((identity.Flow, identity.IsIPv6, identity.State), (seen.Flow, seen.IsIPv6, seen.State));
                var with = reader.Read(calls, seen, skipsInFlight: false);
                Assert.Equal(Words(SavedOptions.Read(calls, identity, default)), Words(with));
                Assert.True(with.HasNoKeys);            // it was looked at
                different.Add(with);
            }
            Assert.InRange(different.Count, 2, all.Count - Count / 2);
        }
        finally
        {
            all.ForEach(s => s.Dispose());
        }
    });

    /// <summary>What is no TCP socket is refused by name also among many that are.</summary>
    [Fact]
    public void What_does_not_show_is_asked_by_calls() => LockingNamespace.Run(() =>
    {
        ViewOrSkip();
        var (socket, peer) = OptionTests.Connected(isIPv6: false);
        using (socket)
        using (peer)
        using (var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            udp.Connect(socket.LocalEndPoint!);
            using var reader = new OptionReader(areAlike: false, int.MaxValue);
            foreach (var one in (Socket[])[socket, peer!])
                reader.Read(new SocketCalls((int)one.Handle, one), reader.Identify(new SocketCalls((int)one.Handle, one)), skipsInFlight: false);
            var calls = new SocketCalls((int)udp.Handle, udp);
            Assert.Contains("is no TCP socket", Assert.Throws<SoccrException>(() => reader.Read(calls, reader.Identify(calls), skipsInFlight: false)).Message);
        }
    });

    /// <summary>The two programs that read the same, of which the second is for kernels that refuse the first.</summary>
    [Fact]
    public void Loads_and_helpers_read_the_same() => LockingNamespace.Run(() =>
    {
        var fields = ViewOrSkip().SocketFields;
        var (socket, peer) = OptionTests.Connected(isIPv6: true);
        using (socket)
        using (peer)
        {
            var types = KernelTypes.TryRead()!;
            string[] read = [.. new[] { true, false }.Select(oneByOne =>
            {
                using var records = SocketIterator.TryMake(types, fields.Layout, oneByOne)!.Read()!;
                byte[] record = records.Of((int)socket.Handle).ToArray();
                return string.Join(' ', fields.Layout.Members.Select(m => Convert.ToHexString(record.AsSpan(m.Place, m.Size))));
            })];
            Assert.Contains(read[0], c => c is not ('0' or ' '));
            Assert.Equal(read[0], read[1]);
        }
    });

    /// <summary>If members meant something else than they do, connections would be asked by calls: here the clock of the records is an hour wrong.</summary>
    [Fact]
    public void What_is_seen_is_not_believed_when_it_differs_from_what_is_told() => LockingNamespace.Run(() =>
    {
        var view = ViewOrSkip();
        var (socket, peer) = OptionTests.Connected(isIPv6: false);
        using (peer)
        using (var paused = TcpConnection.Pause(socket))
        {
            using var right = ConnectionViews.TryRead(int.MaxValue)!;
            using var wrong = new ConnectionViews(view.ConnectionFields!, view.Connections!.Read()!, Stopwatch.GetTimestamp() - Stopwatch.Frequency * 3600);
            var calls = new SocketCalls((int)socket.Handle, socket);
            Assert.True(right.TryRead(calls, out var told));
            Assert.True(right.TryRead(calls, out _));
            Assert.False(right.IsWrong);
            Assert.True(wrong.TryRead(calls, out var asked));
            Assert.Equal(told with { Timestamp = 0 }, asked with { Timestamp = 0 });
            Assert.InRange((int)(asked.Timestamp - told.Timestamp), 0, 60_000);
            Assert.True(wrong.IsWrong);
            Assert.False(wrong.TryRead(calls, out _));
        }
        socket.Dispose();
    });

    /// <summary>On a kernel that has the names of the table there is nearly nothing left to ask for.</summary>
    [Fact]
    public void Members_of_structures_are_found()
    {
        var (fields, layout) = (ViewOrSkip().SocketFields, ViewOrSkip().SocketFields.Layout);
        string[] missing = [.. OptionTable.Rows.Where(r => fields.Of(r.Level, r.Number).Length == 0).Select(r => r.Name).Except(Elsewhere)];
        output.WriteLine($"{layout.Spans.Count} spans, {layout.Size} bytes; not found: {string.Join(' ', missing)}");
        Assert.InRange(missing.Length, 0, OptionTable.Rows.Length / 2);
        Assert.NotNull(fields.Identity);
        Assert.NotNull(ViewOrSkip().Connections);

        var types = KernelTypes.TryRead()!;
        Assert.Null(types.Find("tcp_sock.no_such_member"));
        Assert.Null(types.Find("no_such_structure.member"));
        Assert.Null(types.Find("tcp_sock.inet_conn"));                          // longer than a number
        Assert.Equal(4, BitOperations.PopCount(types.Find("tcp_sock.nonagle")!.Value.Mask));
        Assert.Equal(types.Find("sock.__sk_common.skc_family")!.Value, types.Find("sock_common.skc_family")!.Value);
        Assert.Equal(4, types.Find("sock_common.skc_daddr")!.Value.Size);       // in a structure without a name, in a union without one
        Assert.Equal((16, 0ul), (types.Find("sock_common.skc_v6_daddr")!.Value.Size, types.Find("sock_common.skc_v6_daddr")!.Value.Mask));
        Assert.Equal(types.Find("tcp_sock.rtt_min.s.t")!.Value.Offset + 4, types.Find("tcp_sock.rtt_min.s.v")!.Value.Offset);        // of the first of an array
    }

    private static string Words(SavedOptions o) =>
        $"{o.ReuseAddress} {o.KeepAlive} {o.IsNonBlocking} {o.Cork} {o.BufferLocks} {string.Join(", ", o.Others.Select(one => $"{one} {Convert.ToHexString(one.Value.AsSpan())}"))}";

    private static KernelView ViewOrSkip()
    {
        if (KernelView.Instance == null)
            Skips.Because("needs BPF iterators: BTF in the kernel, CAP_BPF and CAP_PERFMON");
        return KernelView.Instance!;
    }

    private static bool AreAlike(Socket one, Socket other)
    {
        using var records = KernelView.Instance!.Sockets.Read()!;
        return KernelView.Instance.SocketFields.AreAlike(records.Of((int)one.Handle), records.Of((int)other.Handle));
    }

    private static bool IsUsual(Socket socket, bool isIPv6, int level, int number)
    {
        using var views = SocketViews.TryRead(int.MaxValue);
        return views!.Of((int)socket.Handle, isIPv6).IsUsual(level, number);
    }
}
