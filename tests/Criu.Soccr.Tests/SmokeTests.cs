using System.Net;
using System.Net.Sockets;
using Criu.Soccr.Tests.Harness;

namespace Criu.Soccr.Tests;

public sealed class SmokeTests
{
    [Theory, InlineData("10.7.0.2"), InlineData("fd07::2")]
    public void An_established_connection_goes_on(string address)
    {
        using Namespace ours = new(), theirs = new();
        Namespace.Connect(ours, theirs);
        using var peer = new Peer(theirs);
        int port = int.Parse(peer.Do($"listen {(address.Contains(':', StringComparison.Ordinal) ? 6 : 4)} {address}"), System.Globalization.CultureInfo.InvariantCulture);
        var socket = ours.Run(() =>
        {
            var s = new Socket(SocketType.Stream, ProtocolType.Tcp);
            if (!address.Contains(':', StringComparison.Ordinal))
            {
                s.Dispose();
                s = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            }
            s.Connect(IPAddress.Parse(address), port);
            return s;
        });
        peer.Do("accept");
        peer.Do("send 100000");
        socket.Send(Peer.Sequence(0, 5000));
        peer.Do("read 5000");
        Thread.Sleep(50);
        TcpConnectionState state;
        using (var paused = TcpConnection.Pause(socket))
        {
            state = paused.Save();
            paused.Leave();
        }
        Assert.Equal(state, TcpConnectionState.FromBytes(state.ToBytes()));
        socket = ours.Run(() => TcpConnection.Restore(state).Resume());
        byte[] buffer = new byte[100000];
        for (int got = 0; got < buffer.Length;)
            got += socket.Receive(buffer, got, buffer.Length - got, SocketFlags.None);
        Assert.Equal(Peer.Sequence(0, 100000), buffer);
        socket.Send(Peer.Sequence(5000, 70000));
        peer.Do("read 70000");
        socket.Dispose();
        peer.Do("eof");
        Assert.Equal((0, 0), (ours.Counter("OutRsts"), theirs.Counter("OutRsts")));
    }
}
