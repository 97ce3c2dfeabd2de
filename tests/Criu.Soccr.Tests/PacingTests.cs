using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>A paced connection sends acknowledgements with timestamps of a time that has not come yet. What it sends after it was restored must not look older.</summary>
public sealed class PacingTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    [Theory, InlineData(100_000), InlineData(1_000_000), InlineData(20_000_000)]
    public void A_restored_connection_is_not_behind_what_was_sent(long bytesASecond)
    {
        const int Bytes = 60_000, Few = 3000;
        foreach (var ns in new[] { hosts.Ours, hosts.Theirs })
            ns.Set("ipv4/tcp_timestamps", "1");
        var socket = hosts.Connect(isIPv6: false);
        long before = hosts.Theirs.Counter("PAWSEstab", "TcpExt");
        socket.SetRawSocketOption(Sockets.SOL_SOCKET, So.MAX_PACING_RATE, BitConverter.GetBytes(bytesASecond));
        hosts.Peer.Begin($"read {Bytes}");
        socket.Send(Peer.Sequence(0, Bytes));
        hosts.Peer.End($"read {Bytes}");
        hosts.Peer.Do($"send {Few}");                   // its acknowledgement has the stamp of our next segment
        hosts.Peer.Do("flush");
        Assert.True(SpinWait.SpinUntil(() => socket.Available == Few, 10_000));
        TcpConnectionState saved;
        using (var paused = TcpConnection.Pause(socket, hosts.Options))
        {
            saved = paused.Save();
            paused.Leave();
        }
        using var restored = hosts.Ours.Run(() => TcpConnection.Restore(saved, hosts.Options));
        using var again = restored.Resume();
        again.Send(Peer.Sequence(Bytes, Few));
        hosts.Peer.Do($"read {Few}");
        hosts.Peer.Do("close");
        Assert.Equal(0, hosts.Theirs.Counter("PAWSEstab", "TcpExt") - before);
    }
}
