using System.Net;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>The two written forms of a state: what comes back is what went in, and what is damaged is refused as such.</summary>
public sealed class SerialisationTests
{
    private static readonly TcpConnectionState Full = new()
    {
        State = TcpState.FinWait1, IsIPv6 = true, Local = IPEndPoint.Parse("[fe80::1%3]:80"), Remote = IPEndPoint.Parse("[fe80::2%3]:40000"), Interface = "eth0", Error = Errno.ECONNRESET, Backlog = 7,
        ReceiveSequence = 0xfffffff0, SendSequence = 5, ReceiveQueue = [1, 2, 3], SendQueue = [4, 5, 6, 7], UnsentBytes = 2, IsFinUnsent = true, MaxSegment = 1448, SendWindowScale = 0,
        ReceiveWindowScale = 14, HasSack = true, HasTimestamps = true, Timestamp = 77, SendWl1 = 8, SendWindow = 9, MaxWindow = 10, ReceiveWindow = 11, ReceiveWindowUpdate = 12, SendBuffer = 13,
        ReceiveBuffer = 14, BufferLocks = 3, ReuseAddress = true, KeepAlive = true, Cork = true, WantedMaxSegment = 1000, IsNonBlocking = true,
        Options = [new TcpSocketOption(Inet.IPPROTO_TCP, Tcp.NODELAY, [1, 0, 0, 0]), new TcpSocketOption(Sockets.SOL_SOCKET, So.BINDTODEVICE, [118, 0])],
    };

    private static readonly TcpConnectionState Small = new() { State = TcpState.Close };

    [Fact]
    public void Every_member_comes_back()
    {
        foreach (var state in new[] { Full, Small, Full with { SendWindowScale = null, Interface = null } })
        {
            AssertSame(state, TcpConnectionState.FromBytes(state.ToBytes()));
            AssertSame(state, TcpConnectionState.FromJson(state.ToJson()));
        }
    }

    /// <summary>Member by member: the record's own equality is that of the binary form.</summary>
    private static void AssertSame(TcpConnectionState expected, TcpConnectionState actual)
    {
        foreach (var member in typeof(TcpConnectionState).GetProperties())
            Assert.Equal(member.GetValue(expected), member.GetValue(actual));
    }

    [Fact]
    public void JSON_has_numbers_as_numbers_and_addresses_as_text()
    {
        string json = Full.ToJson();
        foreach (string part in new[] { "\"Version\": 1", "\"State\": \"FinWait1\"", "\"ReceiveSequence\": 4294967280", "\"SendWindowScale\": 0", "\"HasSack\": true", "\"Local\": \"[fe80::1%3]:80\"", "\"SendQueue\": \"BAUGBw==\"", "\"Name\": \"TCP_NODELAY\"" })
            Assert.Contains(part, json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "damaged")]
    [InlineData("[]", "damaged")]
    [InlineData("{}", "no Version")]
    [InlineData("""{"Version":2}""", "Use a later one")]
    [InlineData("""{"Version":1,"State":"Close","State":"Close"}""", "twice")]
    [InlineData("""{"Version":1,"State":"Nowhere"}""", "does not exist")]
    [InlineData("""{"Version":1,"State":7}""", "damaged")]
    [InlineData("""{"Version":1,"State":"Close","Colour":1}""", "does not know")]
    [InlineData("""{"Version":1,"State":"Close","3":1}""", "does not know")]
    [InlineData("""{"Version":1,"State":"Close","Local":"here"}""", "")]
    [InlineData("""{"Version":1,"State":"Close","Local":null}""", "damaged")]
    [InlineData("""{"Version":1,"State":"Close","SendQueue":"?"}""", "")]
    [InlineData("""{"Version":1,"State":"Close","HasSack":1}""", "damaged")]
    [InlineData("""{"Version":1,"State":"Close","Backlog":-1}""", "")]
    [InlineData("""{"Version":1,"State":"Close","SendWindowScale":15}""", "more than")]
    [InlineData("""{"Version":1,"State":"Close","Options":[{"Level":1}]}""", "damaged")]
    [InlineData("""{"Version":1,"State":"Established"}""", "lacks an address")]
    public void Damaged_JSON_is_refused(string json, string why) =>
        Assert.Contains(why, Assert.Throws<FormatException>(() => TcpConnectionState.FromJson(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Truncated_bytes_are_refused_or_are_a_whole_state()
    {
        byte[] bytes = Full.ToBytes();
        for (int length = 0; length < bytes.Length; length++)
            Try(bytes.AsSpan(0, length));
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes(bytes.AsSpan(0, 40)));
    }

    [Fact]
    public void Bits_that_flipped_give_a_FormatException_at_worst()
    {
        byte[] bytes = Full.ToBytes();
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            Try(bytes);
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Fact]
    public void Random_bytes_give_a_FormatException_at_worst()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("CRIU_SEED"), out int given) ? given : Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage($"CRIU_SEED={seed}");
        var random = new Random(seed);
        byte[] header = Full.ToBytes()[..8], good = Full.ToBytes();
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = round % 2 == 0 ? [.. header, .. new byte[random.Next(200)]] : [.. good];
            if (round % 2 == 0)
                random.NextBytes(bytes.AsSpan(8));
            else
                for (int i = random.Next(1, 8); i > 0; i--)
                    bytes[random.Next(8, bytes.Length)] = (byte)random.Next(256);
            Try(bytes);
        }
    }

    [Fact]
    public void What_is_too_much_is_refused_before_it_is_kept()
    {
        byte[] small = Small.ToBytes();
        byte[] Record(ushort tag, uint length, int real) => [.. BitConverter.GetBytes(tag), 0, 0, .. BitConverter.GetBytes(length), .. new byte[real]];
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes([.. small, .. Record(10, uint.MaxValue, 10)]));
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes([.. small, .. Record(5, 65, 65)]));
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes([.. small, .. Record(33, 73, 73)]));
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes([.. small, .. Enumerable.Range(0, 257).SelectMany(_ => Record(33, 8, 8))]));
        Assert.Throws<FormatException>(() => TcpConnectionState.FromBytes([.. small, .. Record(34, 0, 0)]));
    }

    /// <summary>What is taken can be written again; everything else is a FormatException.</summary>
    private static void Try(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var state = TcpConnectionState.FromBytes(bytes);
            Assert.Equal(state, TcpConnectionState.FromBytes(state.ToBytes()));
            Assert.Equal(state, TcpConnectionState.FromJson(state.ToJson()));
        }
        catch (FormatException)
        {
        }
    }
}
