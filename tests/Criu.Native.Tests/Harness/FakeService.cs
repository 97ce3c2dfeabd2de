using Criu.Core.Rpc.Proto;
using Criu.EndToEnd.Tests.Harness;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Native.Tests.Harness;

/// <summary>What a service says next.</summary>
/// <param name="Message">The bytes, which need not be a message.</param>
/// <param name="HasDescriptor">A descriptor of /dev/null goes along.</param>
internal sealed record Said(byte[] Message, bool HasDescriptor = false)
{
    public static implicit operator Said(CriuResp answer) => new(answer.ToByteArray());
}

/// <summary>A criu service that says what the test wants: one client after the other, and a line of its script for each request.</summary>
internal sealed unsafe class FakeService : IDisposable
{
    private readonly Said[] script;
    private readonly SafeFileHandle listener;
    private readonly Thread thread;
    private volatile bool isOver;

    public FakeService(params Said[] script)
    {
        this.script = script;
        Folder = Places.NewFolder("fake");
        listener = Kernel.Own(Kernel.Call(Nr.socket, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0));
        byte[] address = [Sockets.AF_UNIX, 0, .. Kernel.CString(Socket)];
        fixed (byte* start = address)
            Assert.Equal(0, Kernel.Call(Nr.bind, listener.Fd(), (long)start, address.Length));
        Assert.Equal(0, Kernel.Call(Nr.listen, listener.Fd(), 9));
        thread = new Thread(Serve) { IsBackground = true };
        thread.Start();
    }

    public string Folder { get; }

    public string Socket => Path.Combine(Folder, "socket");

    /// <summary>What clients have said, in the form of JSON.</summary>
    public List<CriuReq> Requests { get; } = [];

    /// <summary>Runs the program with these words, on the options of the process or on its own; its lines.</summary>
    public string[] Call(bool isLocal, params string[] words) =>
        Command.Demand([Programs.Of("calls"), .. isLocal ? (string[])["local"] : [], $"address={Socket}", .. words]).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private void Serve()
    {
        for (int next = 0; !isOver;)
        {
            long client = Kernel.Call(Nr.accept4, listener.Fd(), 0, 0, Sockets.SOCK_CLOEXEC);
            if (Kernel.Failed(client))
                return;
            using var socket = Kernel.Own(client);
            while (!isOver && Receive(socket))
                if (next == script.Length || !Send(socket, script[next++]))
                    break;
        }
    }

    private bool Receive(SafeFileHandle socket)
    {
        byte[] buffer = new byte[1 << 16];
        long size;
        fixed (byte* start = buffer)
            size = Kernel.Call(Nr.recvfrom, socket.Fd(), (long)start, buffer.Length);
        if (size <= 0)
            return false;
        lock (Requests)
            Requests.Add(CriuReq.Parser.ParseFrom(buffer, 0, (int)size));
        return true;
    }

    private static bool Send(SafeFileHandle socket, Said said)
    {
        using var nothing = Kernel.Own(Kernel.Open("/dev/null", Fcntl.O_RDWR));
        byte* control = stackalloc byte[ControlHeader.Size + sizeof(long)];
        *(ControlHeader*)control = new ControlHeader { Length = ControlHeader.Size + sizeof(int), Level = Sockets.SOL_SOCKET, Type = Sockets.SCM_RIGHTS };
        *(int*)(control + ControlHeader.Size) = nothing.Fd();
        fixed (byte* start = said.Message)
        {
            var vector = stackalloc long[] { (long)start, said.Message.Length };
            var header = new MessageHeader { Vectors = (ulong)vector, VectorCount = 1 };
            if (said.HasDescriptor)
                (header.Control, header.ControlLength) = ((ulong)control, ControlHeader.Size + sizeof(long));
            return !Kernel.Failed(Kernel.Call(Nr.sendmsg, socket.Fd(), (long)(&header), Sockets.MSG_NOSIGNAL));
        }
    }

    public void Dispose()
    {
        isOver = true;
        Kernel.Call(Nr.shutdown, listener.Fd(), 2);
        thread.Join();
        listener.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
