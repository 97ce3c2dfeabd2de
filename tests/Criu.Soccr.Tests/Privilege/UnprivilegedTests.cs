using System.Globalization;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests.Privilege;

/// <summary>Processes without any capability save and restore with a helper's help. The peer is a Python program.</summary>
public sealed class UnprivilegedTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private const int Queued = 100_000, More = 300_000;

    [Theory]
    [InlineData(TcpState.Established, false), InlineData(TcpState.Established, true), InlineData(TcpState.CloseWait, false), InlineData(TcpState.CloseWait, true)]
    [InlineData(TcpState.FinWait2, false), InlineData(TcpState.FinWait2, true)]
    public void One_saves_and_another_restores_and_the_peer_notices_nothing(TcpState state, bool isIPv6)
    {
        using var helping = new Helping(new RepairHelperOptions { AllowedUser = UnprivilegedChild.User, Lock = hosts.Lock });
        var before = hosts.Count();
        string position;
        using (var first = Connected(helping, isIPv6))
        {
            Assert.Equal("0000000000000000", first.Do("capabilities"));
            Assert.Equal("0", first.Do("set Mark 77"));
            Assert.Equal("0", first.Do("set Priority 7"));
            hosts.Peer.Do($"send {Queued}");
            if (state == TcpState.CloseWait)
                hosts.Peer.Do("shut");
            first.Do($"send {Queued}");
            if (state == TcpState.FinWait2)
                first.Do("shut");
            if (state != TcpState.CloseWait)
                hosts.Peer.Do($"send {More}");                  // on its way while the connection is saved
            position = first.Do("save state");
            first.End();
        }
        Assert.Equal(0, (hosts.Count() - before).Resets);
        var saved = TcpConnectionState.FromBytes(File.ReadAllBytes(Path.Combine(helping.Folder, "state")));
        Assert.Contains(state, (TcpState[])(state == TcpState.FinWait2 ? [TcpState.FinWait1, TcpState.FinWait2] : [state]));
        Assert.Equal(["SO_MARK=77", "SO_PRIORITY=7"], saved.Options.Where(o => o.Name is "SO_MARK" or "SO_PRIORITY").Select(o => o.ToString()));

        using var second = new UnprivilegedChild(helping.Folder, helping.Path, hosts.Ours);
        second.Do($"restore state {position}");
        if (state == TcpState.CloseWait)
            second.Do($"read {Queued}");
        else
            second.Do($"read {Queued + More}");
        if (state == TcpState.CloseWait)
            second.Do("eof");
        if (state != TcpState.FinWait2)
            second.Begin($"send {More}");
        hosts.Peer.Do($"read {Queued + (state == TcpState.FinWait2 ? 0 : More)}");
        if (state != TcpState.FinWait2)
            second.End($"send {More}");
        if (state == TcpState.FinWait2)
            hosts.Peer.Do("eof");
        if (state != TcpState.CloseWait)
        {
            hosts.Peer.Do("shut");
            second.Do("eof");
        }
        Assert.Equal("0", second.Do("set Mark 0"));
        second.End();
        hosts.Peer.Do("close");
        Assert.Equal(0, (hosts.Count() - before).Resets);
        Assert.Empty(helping.Log);
    }

    [Fact]
    public void Alone_it_is_told_what_it_needs_and_the_connection_goes_on()
    {
        using var helping = new Helping();
        using var child = Connected(helping, isIPv6: false);
        string told = Record.Exception(() => child.Do("alone"))!.Message;
        Assert.Contains("TCP_REPAIR of ", told, StringComparison.Ordinal);
        Assert.Contains("failed: EPERM. Run with CAP_NET_ADMIN in the user namespace that owns the network namespace of the socket, or use a repair helper", told, StringComparison.Ordinal);
        child.Do($"send {Queued}");
        hosts.Peer.Do($"read {Queued}");
        child.Do("filter helped");
    }

    [Fact]
    public void A_user_that_is_not_meant_is_not_served()
    {
        using var helping = new Helping(new RepairHelperOptions { AllowedUser = 12_345 });
        using var child = Connected(helping, isIPv6: false);
        string told = Record.Exception(() => child.Do("set Mark 1"))!.Message;
        Assert.Contains($"Mark by the repair helper at {helping.Path} failed: it has closed the connection", told, StringComparison.Ordinal);
        Assert.All(helping.Log, l => Assert.Equal($"a client was sent away: it is of user {UnprivilegedChild.User}, not 12345", l));
        Assert.NotEmpty(helping.Log);
    }

    private UnprivilegedChild Connected(Helping helping, bool isIPv6)
    {
        string address = isIPv6 ? "fd07::2" : "10.7.0.2";
        int port = int.Parse(hosts.Peer.Do($"listen {(isIPv6 ? 6 : 4)} {address}"), CultureInfo.InvariantCulture);
        var child = new UnprivilegedChild(helping.Folder, helping.Path, hosts.Ours);
        child.Do($"connect {address} {port}");
        hosts.Peer.Do("accept");
        return child;
    }
}
