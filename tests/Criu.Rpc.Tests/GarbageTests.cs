using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.Core.Rpc.Proto;
using Criu.Rpc.Tests.Harness;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Rpc.Tests;

/// <summary>Messages that are none: an answer where there can be one, the end of that client, and nobody else is harmed.</summary>
public sealed class GarbageTests
{
    [Fact]
    public void EndsWithAClientThatSaysNothing()
    {
        using Client client = Client.OfSwrk();
        client.Close();
        Assert.Equal(0, client.Status);
    }

    [Fact]
    public void AnswersAnEmptyMessage() => Refuses([], "The message is empty");

    [Fact]
    public void AnswersHalfAMessage() =>
        Refuses(new CriuReq { Type = CriuReqType.Dump, Opts = new CriuOpts { ImagesDir = Programs.Text("/tmp") } }.ToByteArray()[..^2], "is no criu_req");

    [Fact]
    public void AnswersAMessageWithoutAType() => Refuses(new CriuReq { KeepOpen = true }.ToByteArray(), "has no type");

    [Fact]
    public void AnswersAMessageThatIsTooLarge() => Refuses(new byte[(256 << 10) + 1], "the largest that is read has 262144");

    /// <summary>
    /// The server in this process, with messages that are random, cut, or have a few bytes changed. Each gets one answer, and no descriptor is left. The seed is in the name of a failure.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnswersWhateverComes(int seed)
    {
        var random = new Random(seed);
        Serve(Spoiled(random));
        int before = Directory.GetFiles("/proc/self/fd").Length;
        for (int round = 0; round < 500; round++)
            Serve(Spoiled(random));
        Assert.Equal(before, Directory.GetFiles("/proc/self/fd").Length);
    }

    private static void Serve(byte[] message)
    {
        var (ours, server) = Client.Pair();
        using Client client = ours;
        Assert.True(client.Send(message));
        client.Finish();
        RpcServer.Serve(server, new Deaf(), isService: message.Length % 2 == 0);
        Assert.NotNull(client.Receive());
    }

    private static byte[] Spoiled(Random random)
    {
        byte[] message = Good().ToByteArray();
        if (random.Next(4) == 0)
            random.NextBytes(message = new byte[random.Next(1, 200)]);
        else if (random.Next(3) == 0)
            message = message[..random.Next(1, message.Length)];
        for (int changes = random.Next(5); changes > 0; changes--)
            message[random.Next(message.Length)] = (byte)random.Next(256);
        return message;
    }

    private static CriuReq Good() => new()
    {
        Type = CriuReqType.Dump, KeepOpen = true, Features = new CriuFeatures { MemTrack = true },
        Opts = new CriuOpts
        {
            ImagesDirFd = 0, ImagesDir = Programs.Text("/tmp"), Pid = 1, LogLevel = 4, LogFile = Programs.Text("log"), Timeout = 3, ExtUnixSk = true,
            ExtMnt = { new ExtMountMap { Key = Programs.Text("/a"), Val = Programs.Text("/b") } }, External = { Programs.Text("file[1:2]") },
            UnixSkIno = { new UnixSk { Inode = 5 } }, InheritFd = { new InheritFd { Key = Programs.Text("tty[1:2]"), Fd = 1 } },
        },
    };

    /// <summary>Does nothing of what it is asked for.</summary>
    private sealed class Deaf : RpcHost
    {
        public override void Dump(MergedOptions options, ICheckpointListener? listener) => throw new CheckpointException("no dump");

        public override int Restore(MergedOptions options, ICheckpointListener? listener) => throw new CheckpointException("no restore");

        public override void Check(MergedOptions options) => throw new CheckpointException("no check");

        public override void Cpuinfo(MergedOptions options, bool isDump) => throw new CheckpointException("no cpuinfo");

        public override string Describe(Exception exception) =>
            exception is CheckpointException ? exception.Message : throw new InvalidOperationException("Nothing else may be thrown", exception);

        public override void Complain(string message)
        {
        }
    }

    private static void Refuses(byte[] message, string text)
    {
        using Client client = Client.OfSwrk();
        Assert.True(client.Send(message));
        CriuResp? answer = client.Receive();
        Assert.NotNull(answer);
        Assert.False(answer.Success);
        Assert.Equal((CriuReqType.Empty, Errno.EBADRQC), (answer.Type, answer.CrErrno));
        Assert.Contains(text, answer.CrErrmsg);
        Assert.Null(client.Receive());
        Assert.Equal(1, client.Status);
    }
}
