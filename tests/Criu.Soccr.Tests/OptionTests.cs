using System.Net;
using System.Net.Sockets;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Every option of the table: one that differs from a new socket's is there again on the restored one.</summary>
public sealed class OptionTests(ITestOutputHelper output)
{
    private const int Loopback = 1;                     // the number of lo

    /// <summary>What setsockopt takes, where 1 is not allowed, or is what a new socket has.</summary>
    internal static readonly Dictionary<string, byte[]> Values = new()
    {
        ["IP_LOCAL_PORT_RANGE"] = Bytes(40_000 | 50_000 << 16), ["SO_BINDTODEVICE"] = [.. "lo\0"u8], ["TCP_FASTOPEN"] = Bytes(5), ["IP_TOS"] = Bytes(0x10), ["IP_TTL"] = Bytes(33),
        ["IP_OPTIONS"] = [1, 1, 1, 0], ["IP_MTU_DISCOVER"] = Bytes(0), ["IPV6_MTU_DISCOVER"] = Bytes(0), ["IP_MINTTL"] = Bytes(3), ["IPV6_MINHOPCOUNT"] = Bytes(3),
        ["IP_UNICAST_IF"] = Bytes(Loopback << 24), ["IPV6_UNICAST_IF"] = Bytes(Loopback << 24), ["IPV6_UNICAST_HOPS"] = Bytes(33), ["IPV6_TCLASS"] = Bytes(0x10),
        ["IPV6_AUTOFLOWLABEL"] = Bytes(0), ["IPV6_ADDR_PREFERENCES"] = Bytes(1), ["SO_PRIORITY"] = Bytes(5), ["SO_LINGER"] = [.. Bytes(1), .. Bytes(7)], ["SO_RCVLOWAT"] = Bytes(9),
        ["SO_RCVTIMEO_OLD"] = [.. BitConverter.GetBytes(3L), .. BitConverter.GetBytes(0L)], ["SO_SNDTIMEO_OLD"] = [.. BitConverter.GetBytes(4L), .. BitConverter.GetBytes(0L)],
        ["SO_TIMESTAMPING_OLD"] = Bytes(0x18), ["SO_MAX_PACING_RATE"] = BitConverter.GetBytes(1_000_000L), ["SO_TXREHASH"] = Bytes(0), ["SO_PEEK_OFF"] = Bytes(0),
        ["SO_TXTIME"] = [.. Bytes(1), .. Bytes(1)], ["TCP_CONGESTION"] = [.. "reno"u8], ["TCP_KEEPIDLE"] = Bytes(77), ["TCP_KEEPINTVL"] = Bytes(7), ["TCP_KEEPCNT"] = Bytes(5),
        ["TCP_SYNCNT"] = Bytes(3), ["TCP_LINGER2"] = Bytes(9), ["TCP_DEFER_ACCEPT"] = Bytes(7), ["TCP_QUICKACK"] = Bytes(0), ["TCP_USER_TIMEOUT"] = Bytes(12_345),
        ["TCP_NOTSENT_LOWAT"] = Bytes(4096), ["TCP_RTO_MAX_MS"] = Bytes(60_000), ["TCP_RTO_MIN_US"] = Bytes(50_000), ["TCP_DELACK_MAX_US"] = Bytes(50_000), ["SO_INCOMING_CPU"] = Bytes(0),
        ["IP_RECVERR_RFC4884"] = Bytes(1), [NotReadable] = Bytes(4),
    };

    private const string NotReadable = "SO_BUSY_POLL_BUDGET";                   // it can be set

    public static TheoryData<string> Names => [.. OptionTable.Rows.Select(r => r.Name)];

    [Theory, MemberData(nameof(Names))]
    public void It_is_there_again(string name) => LockingNamespace.Run(() =>
    {
        var row = OptionTable.Rows.Single(r => r.Name == name);
        bool isIPv6 = row.Level == Inet.IPPROTO_IPV6;
        var (socket, peer) = row.Stage == OptionStage.Listener || row.Stage == OptionStage.Early ? (New(isIPv6), null) : Connected(isIPv6);
        using var connectionLock = NftablesLock.CreateOwned();
        var options = new SoccrOptions { Lock = connectionLock };
        using (peer)
        {
            var calls = new SocketCalls((int)socket.Handle, name);
            byte[] usual = Value(calls, row);
            long result = calls.TrySet(row.Level, row.Number, Values.GetValueOrDefault(name) ?? Bytes(1));
            if (peer == null)
                socket.Bind(new IPEndPoint(isIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
            if (row.Stage == OptionStage.Listener)
                socket.Listen(3);
            byte[] wanted = Value(calls, row);
            if (Kernel.Failed(result) || wanted.AsSpan().SequenceEqual(usual))
            {
                Assert.True(name == NotReadable || result == -Errno.ENOPROTOOPT, $"{name} cannot be set: {result} {Convert.ToHexString(usual)}");
                output.WriteLine($"{name}: {(name == NotReadable ? "can be set, but not read" : "not in this kernel")}");
                socket.Dispose();
                return;
            }
            TcpConnectionState saved;
            using (var paused = TcpConnection.Pause(socket, options))
            {
                saved = paused.Save();
                paused.Leave();
            }
            Assert.Contains(saved.Options, o => o.Name == name);
            using var restored = TcpConnection.Restore(saved, options);
            using var again = restored.Resume();
            Assert.Equal(wanted, Value(new SocketCalls((int)again.Handle, name), row));
        }
    });

    private static byte[] Value(SocketCalls calls, OptionRow row)
    {
        byte[] value = new byte[64];
        long length = calls.TryGet(row.Level, row.Number, value);
        return Kernel.Failed(length) ? [] : value[..(int)length];
    }

    internal static (Socket, Socket?) Connected(bool isIPv6)
    {
        using var listener = New(isIPv6);
        listener.Bind(new IPEndPoint(isIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
        listener.Listen();
        var socket = New(isIPv6);
        socket.Connect(listener.LocalEndPoint!);
        return (socket, listener.Accept());
    }

    internal static Socket New(bool isIPv6)
    {
        if (!isIPv6)
            return new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        return new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };       // else the runtime sets IPV6_V6ONLY
    }

    internal static byte[] Bytes(int value) => BitConverter.GetBytes(value);
}
