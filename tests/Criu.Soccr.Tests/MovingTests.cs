using System.Net;
using System.Net.Sockets;
using Criu.EndToEnd.Tests.Harness;
using Criu.Soccr.Tests.Harness;

namespace Criu.Soccr.Tests;

/// <summary>The second example of the README: a connection and its address move from host to host, over a line that is long and loses packets. The peer is a Python program.</summary>
public sealed class MovingTests(ITestOutputHelper output)
{
    private const int Moves = 6, Round = 120_000, SendBuffer = 100_000;        // bytes each way between two moves
    private const int MostAgain = Moves * 300;                                  // segments: what is in both buffers, for each move

    [Theory, InlineData(false), InlineData(true)]
    public void It_moves_and_the_peer_notices_nothing(bool isIPv6)
    {
        if (!File.Exists("/dev/net/tun"))
            Skips.Because("needs /dev/net/tun");
        using var line = new LongLine();
        int port = int.Parse(line.Peer.Do($"listen {(isIPv6 ? 6 : 4)} {LongLine.AddressOfPeer(isIPv6)}"), System.Globalization.CultureInfo.InvariantCulture);
        line.Lead(isIPv6, toSecond: false);
        line.First.Ip($"addr add {LongLine.Address(isIPv6)}/{(isIPv6 ? "128" : "32")} dev lo{(isIPv6 ? " nodad" : "")}");
        var socket = line.First.Run(() => Connect(isIPv6, port));
        line.Peer.Do("accept");
        line.Peer.Do($"send {(Moves + 1) * Round}");
        line.Peer.Begin($"read {(Moves + 1) * Round}");
        var stream = new TwoWays(socket);
        for (int move = 1; move <= Moves; move++)
        {
            stream.Exchange(Round * move);
            var (from, to) = move % 2 == 1 ? (line.First, line.Second) : (line.Second, line.First);
            byte[] state = from.Run(() => Moving.Leave(stream.Socket, "lo"));
            line.Lead(isIPv6, toSecond: move % 2 == 1);
            stream.Socket = to.Run(() => Moving.Arrive(state, "lo"));
        }
        stream.Exchange(Round * (Moves + 1));
        stream.Socket.Shutdown(SocketShutdown.Send);
        line.Peer.End("read");
        line.Peer.Do("eof");
        line.Peer.Do("shut");
        (stream.Socket.Blocking, stream.Socket.ReceiveTimeout) = (true, 60_000);
        Assert.Equal(0, stream.Socket.Receive(new byte[1]));
        stream.Socket.Dispose();
        line.Peer.Do("close");
        output.WriteLine($"{line.Lost()} packets lost, {line.Sum("RetransSegs")} sent again, {line.Sum("OutSegs")} sent");
        Assert.Equal((0, 0), (line.Sum("OutRsts"), line.Sum("PAWSEstab", "TcpExt")));
        Assert.InRange(line.Sum("RetransSegs"), 1, MostAgain);
        Assert.InRange(line.Lost(), 1, int.MaxValue);
    }

    private static Socket Connect(bool isIPv6, int port)
    {
        var socket = new Socket(isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(LongLine.Address(isIPv6)), 0));
        socket.Connect(IPAddress.Parse(LongLine.AddressOfPeer(isIPv6)), port);
        return socket;
    }

    /// <summary>Both directions of a stream, whose bytes are checked.</summary>
    private sealed class TwoWays(Socket first)
    {
        private readonly byte[] buffer = new byte[64 * 1024];
        private int sent, received;
        private Socket socket = Prepared(first);

        public Socket Socket
        {
            get => socket;
            set => socket = Prepared(value);
        }

        private static Socket Prepared(Socket socket)
        {
            (socket.Blocking, socket.SendBufferSize) = (false, SendBuffer);
            return socket;
        }

        /// <summary>Until both have got that far. What was written last is still on its way then, and the peer goes on sending.</summary>
        public void Exchange(int target)
        {
            const int Patience = 60_000_000;            // microseconds
            while (sent < target || received < target)
            {
                List<Socket> readable = received < target ? [socket] : [], writable = sent < target ? [socket] : [];
                Socket.Select(readable, writable, null, Patience);
                Assert.True(readable.Count + writable.Count > 0, $"nothing comes or goes any more: {sent} bytes sent, {received} received");
                if (writable.Count > 0)
                    sent += socket.Send(Peer.Sequence(sent, Math.Min(buffer.Length, target - sent)));
                if (readable.Count == 0)
                    continue;
                int count = socket.Receive(buffer, Math.Min(buffer.Length, target - received), SocketFlags.None);
                Assert.NotEqual(0, count);
                Assert.Equal(Peer.Sequence(received, count), buffer[..count]);
                received += count;
            }
        }
    }
}
