using System.Net;
using System.Net.Sockets;
using Criu.EndToEnd.Tests.Harness;
using Criu.Soccr.Tests.Privilege;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>Connections whose segments are signed (TCP_MD5SIG) go on, and nobody who should not be told is told the keys.</summary>
public sealed class KeyTests
{
    private static readonly byte[] Secret = [.. "a secret of ours"u8];

    [Theory]
    [InlineData("IPv4", TcpState.Established), InlineData("IPv6", TcpState.Established), InlineData("mapped", TcpState.Established), InlineData("network", TcpState.Established)]
    [InlineData("IPv4", TcpState.CloseWait), InlineData("IPv6", TcpState.CloseWait), InlineData("mapped", TcpState.CloseWait), InlineData("network", TcpState.CloseWait)]
    public void A_signed_connection_goes_on(string kind, TcpState state) => Run(kind, (listener, client, ours, held) =>
    {
        byte[] got = new byte[8];
        if (state == TcpState.CloseWait)
            client.Shutdown(SocketShutdown.Send);
        LockingPair.Until(() => SocketIdentity.ReadState(new SocketCalls((int)ours.Handle, "")) == state);
        var options = new SoccrOptions { Lock = held };
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(ours, options))
        {
            saved = paused.Save();
            paused.Leave();
        }
        Assert.Equal(Secret, Assert.Single(saved.Md5Keys).Key);
        Assert.Equal(kind == "IPv6" ? 128 : 32, saved.Md5Keys[0].PrefixLength);      // of one that was accepted, also where the listener has one for a network
        if (state == TcpState.CloseWait)
        {
            Assert.Contains("TCP_MD5SIG", Assert.Throws<SoccrException>(() => TcpConnection.Restore(saved, options)).Message);
            ClearTheWay(client);
        }
        using var restored = TcpConnection.Restore(TcpConnectionState.FromJson(TcpConnectionState.FromBytes(saved.ToBytes()).ToJson()), options);
        using var again = restored.Resume();
        if (state == TcpState.CloseWait)
        {
            Assert.Equal(0, again.Receive(got));
            return;
        }
        Exchange(again, client);
        Assert.Equal(saved.Md5Keys, Keys(again));
    });

    [Theory, InlineData("IPv4"), InlineData("network")]
    public void A_listener_and_one_of_many_have_theirs(string kind) => Run(kind, (listener, client, ours, held) =>
    {
        using var other = New(AddressFamily.InterNetwork);
        other.SetRawSocketOption(Sockets.SOL_SOCKET, So.REUSEPORT, BitConverter.GetBytes(1));
        other.Bind(listener.LocalEndPoint!);
        other.Listen();
        Assert.Equal(Secret, Assert.Single(Keys(listener)).Key);
        Assert.Empty(Keys(other));
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(listener))
        {
            saved = paused.Save();
            paused.Leave();
        }
        Assert.Equal(kind == "network" ? "127.0.0.0/8 (16 bytes)" : "127.0.0.1/32 (16 bytes)", Assert.Single(saved.Md5Keys).ToString());
        using var restored = TcpConnection.Restore(saved);
        using var again = restored.Resume();
        Assert.Equal(saved.Md5Keys, Keys(again));
    });

    /// <summary>The thread that saves is in another namespace than the socket.</summary>
    [Fact]
    public void They_are_found_in_the_sockets_namespace() => Run("IPv4", (_, _, ours, _) => LockingNamespace.Run(() => Assert.Equal(Secret, Assert.Single(Keys(ours)).Key)));

    [Fact]
    public void A_helper_tells_them_to_who_has_the_socket() => Run("IPv4", (_, _, ours, _) =>
    {
        using var helping = new Helping();
        using var client = RepairHelperClient.Connect(helping.Path);
        Assert.Equal(0, client.ReadMd5Keys(ours.SafeHandle, out var keys));
        Assert.Equal(Keys(ours), keys);
        using var without = New(AddressFamily.InterNetwork);
        Assert.Equal(0, client.ReadMd5Keys(without.SafeHandle, out keys));
        Assert.Empty(keys);
        using var file = File.OpenHandle("/dev/null");
        Assert.Equal(-Errno.ENOTSOCK, client.ReadMd5Keys(file, out _));
        Assert.Equal(0, client.Switch(without.SafeHandle, RepairMode.On));
    });

    [Fact]
    public void Texts_for_people_do_not_have_them()
    {
        var state = new TcpConnectionState { State = TcpState.Close, Md5Keys = [new TcpMd5Key(IPAddress.Parse("10.0.0.1"), 24, [.. Secret])] };
        Assert.Equal("10.0.0.1/24 (16 bytes)", state.Md5Keys[0].ToString());
        Assert.DoesNotContain("secret", state.ToString(), StringComparison.Ordinal);
        Assert.Equal(state, TcpConnectionState.FromBytes(state.ToBytes()));
        Assert.Equal(state, TcpConnectionState.FromJson(state.ToJson()));
        byte[] bytes = state.ToBytes();
        bytes[^28] = 33;                                // the length of the prefix: more than the address has
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes(bytes));
    }

    /// <summary>With a signed connection over lo: a listener, the client that it has accepted as <c>ours</c>, and a lock.</summary>
    private static void Run(string kind, Action<Socket, Socket, Socket, NftablesLock> test)
    {
        if (!IsThere())
            Skips.Because("needs TCP_MD5SIG in the kernel");
        LockingNamespace.Run(() =>
        {
            bool v6 = kind == "IPv6";
            using var listener = New(kind is "IPv6" or "mapped" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
            if (kind == "mapped")
                listener.DualMode = true;
            using var client = New(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
            var loopback = v6 ? IPAddress.IPv6Loopback : IPAddress.Loopback;
            var key = new TcpMd5Key(kind == "network" ? IPAddress.Parse("127.0.0.0") : loopback, kind == "network" ? 8 : v6 ? 128 : 32, [.. Secret]);
            listener.SetRawSocketOption(Sockets.SOL_SOCKET, So.REUSEPORT, BitConverter.GetBytes(1));
            Assert.Equal(0, Md5Keys.Set(CallsOf(listener), key, kind is "IPv6" or "mapped"));
            Assert.Equal(0, Md5Keys.Set(CallsOf(client), key, v6));
            listener.Bind(new IPEndPoint(kind == "mapped" ? IPAddress.IPv6Any : loopback, 0));
            listener.Listen();
            client.Connect(loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);
            using var ours = listener.Accept();
            Exchange(ours, client);
            using var held = NftablesLock.CreateOwned();
            test(listener, client, ours, held);
        });
    }

    private static bool IsThere()
    {
        using var socket = New(AddressFamily.InterNetwork);
        return Md5Keys.Set(CallsOf(socket), new TcpMd5Key(IPAddress.Loopback, 32, [1]), isIPv6: false) == 0;
    }

    /// <summary>One that its peer has closed can be restored only where the peer has no socket in the same namespace: what is made by hand is not signed.</summary>
    private static void ClearTheWay(Socket client)
    {
        Assert.Equal(0, OwnRepairSwitch.Instance.Switch(client.SafeHandle, RepairMode.On));
        CallsOf(client).TrySet(Inet.IPPROTO_TCP, Tcp.REPAIR_QUEUE, Tcp.SEND_QUEUE);
        client.Dispose();
    }

    private static void Exchange(Socket a, Socket b)
    {
        foreach (var (from, to) in new[] { (a, b), (b, a) })
            LockingPair.Arrives(from, to);
    }

    private static System.Collections.Immutable.ImmutableArray<TcpMd5Key> Keys(Socket socket)
    {
        Assert.Equal(0, OwnRepairSwitch.Instance.ReadMd5Keys(socket.SafeHandle, out var keys));
        return keys;
    }

    private static SocketCalls CallsOf(Socket socket) => new((int)socket.Handle, "");

    private static Socket New(AddressFamily family) => new(family, SocketType.Stream, ProtocolType.Tcp);
}
