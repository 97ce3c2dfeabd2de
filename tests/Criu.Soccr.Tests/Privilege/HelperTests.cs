using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Soccr.Tests.Privilege;

/// <summary>What a repair helper does, what it refuses, and that it keeps nothing of what is passed to it.</summary>
public sealed class HelperTests
{
    private const uint Mark = 0xABCD;

    [Fact]
    public void Every_option_of_the_list_is_set() => LockingNamespace.Run(() =>
    {
        using var helping = new Helping();
        using var client = RepairHelperClient.Connect(helping.Path);
        Assert.Equal(PrivilegedOptions.Rows.Select(r => r.Option), Enum.GetValues<PrivilegedOption>());
        foreach (var option in Enum.GetValues<PrivilegedOption>())
        {
            using var socket = New(option == PrivilegedOption.TransparentIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
            byte[] value = option switch
            {
                PrivilegedOption.BindToDevice => [.. "lo\0"u8], PrivilegedOption.Congestion => [.. "cubic\0"u8], PrivilegedOption.DropIncoming => [],
                PrivilegedOption.TransmitTime => [1, 0, 0, 0, 0, 0, 0, 0], PrivilegedOption.SendBuffer or PrivilegedOption.ReceiveBuffer => BitConverter.GetBytes(1 << 20), _ => BitConverter.GetBytes(1),
            };
            Assert.Equal(0, client.Set(socket.SafeHandle, option, value));
            var row = PrivilegedOptions.Find(option)!.Value;
            var calls = new SocketCalls((int)socket.Handle, "");
            byte[] now = new byte[16];
            if (option is PrivilegedOption.SendBuffer or PrivilegedOption.ReceiveBuffer)
                Assert.Equal(2 << 20, calls.Get<int>(Sockets.SOL_SOCKET, option == PrivilegedOption.SendBuffer ? So.SNDBUF : So.RCVBUF, ""));
            else if (option == PrivilegedOption.DropIncoming)
                Assert.Equal(1, DroppingFilter.CountInstructions(socket.SafeHandle));
            else if (option != PrivilegedOption.BusyPollBudget)                         // cannot be read
                Assert.Equal(value, now[..Math.Min(value.Length, (int)calls.Check(calls.TryGet(row.Level, row.Number, now), ""))]);
        }
        Assert.Equal(-Errno.EINVAL, client.Set(Stdin, PrivilegedOption.Mark, new byte[33]));
    });

    [Fact]
    public void What_is_no_tcp_socket_or_not_on_the_list_is_refused_and_nothing_is_kept() => LockingNamespace.Run(() =>
    {
        using var helping = new Helping(new RepairHelperOptions { AllowedOptions = [PrivilegedOption.Repair, PrivilegedOption.DropIncoming] });
        using var client = RepairHelperClient.Connect(helping.Path);
        using var tcp = New(AddressFamily.InterNetwork);
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var file = File.OpenHandle(Path.GetTempFileName(), options: FileOptions.DeleteOnClose);
        using var mptcp = Kernel.Own(Kernel.Call(Nr.socket, Sockets.AF_INET, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, Inet.IPPROTO_MPTCP));
        byte[] one = BitConverter.GetBytes(1);
        client.Set(tcp.SafeHandle, PrivilegedOption.Repair, one);                       // all that is ever made has been made
        SafeHandle[] sent = [tcp.SafeHandle, udp.SafeHandle, unix.SafeHandle, file, mptcp];
        int before = DescriptorsOf(sent);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(0, client.Switch(tcp.SafeHandle, RepairMode.On));
            Assert.Equal(-Errno.EPROTOTYPE, client.Set(udp.SafeHandle, PrivilegedOption.Repair, one));
            Assert.Equal(-Errno.EPROTOTYPE, client.Set(unix.SafeHandle, PrivilegedOption.Repair, one));
            Assert.Equal(-Errno.ENOTSOCK, client.Set(file, PrivilegedOption.Repair, one));
            if (!mptcp.IsInvalid)
                Assert.Equal(-Errno.EPROTOTYPE, client.Set(mptcp, PrivilegedOption.Repair, one));
            Assert.Equal(-Errno.EPERM, client.Set(tcp.SafeHandle, PrivilegedOption.Mark, one));               // not allowed here
            Assert.Equal(-Errno.EPERM, client.Set(tcp.SafeHandle, (PrivilegedOption)40, one));                // nowhere
            Assert.Equal(-Errno.EINVAL, client.Set(tcp.SafeHandle, PrivilegedOption.Repair, [1]));
            Assert.Equal(-Errno.EINVAL, client.Set(tcp.SafeHandle, PrivilegedOption.DropIncoming, one));
            Assert.Equal((-Errno.ENOTSOCK, 2u), client.Ask((ushort)PrivilegedOption.Repair, "", [tcp.SafeHandle, tcp.SafeHandle, file], one));
            Assert.Equal((-Errno.EOPNOTSUPP, 0u), client.Ask(HelperProtocol.Hold, "", [tcp.SafeHandle], []));
        }
        Assert.Equal("Opening the lock of the repair helper at " + helping.Path + " failed: EOPNOTSUPP. The helper was started without one (RepairHelperOptions.Lock)",
            Assert.Throws<SoccrException>(client.OpenLock).Message);
        Assert.Equal(before, DescriptorsOf(sent));
        Assert.Empty(helping.Log);
    });

    /// <summary>Each of these ends the connection that it came by, and no other.</summary>
    [Fact]
    public void Garbage_ends_only_the_connection_that_it_came_by() => LockingNamespace.Run(() =>
    {
        using var helping = new Helping();
        using var client = RepairHelperClient.Connect(helping.Path);
        using var tcp = New(AddressFamily.InterNetwork);
        Assert.Equal(0, client.Switch(tcp.SafeHandle, RepairMode.On));
        int fd = (int)tcp.Handle, before = DescriptorsOf(tcp.SafeHandle);
        byte[] good = Request(1), random = new byte[HelperProtocol.RequestBytes];
        new Random(5).NextBytes(random);
        (byte[] Bytes, int[] Descriptors)[] all =
        [
            (random, []), (random, [fd]), (random, [fd, fd, fd]), ([1], [fd]), (good[..20], [fd]), (good[..^1], [fd, fd]), ([.. good, 1], []), (good, []), (With(good, 0, 7), [fd]),
            (With(good, 12, 1), [fd]), (With(good, 8, 33), [fd]), (With(good, 8, -1), [fd]), (Request(HelperProtocol.Mark), [fd]), (new byte[5000], [fd]),
            (good, [.. Enumerable.Repeat(fd, DescriptorMessages.Most)]),
        ];
        for (int i = 0; i < all.Length; i++)
        {
            using var bad = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            bad.Connect(new UnixDomainSocketEndPoint(helping.Path));
            if (i == all.Length - 1)
            {
                Assert.Equal(good.Length, SendTooMany(bad, good, fd));
                IsClosed(bad);
                continue;
            }
            Assert.Equal(all[i].Bytes.Length, DescriptorMessages.Send((int)bad.Handle, all[i].Bytes, all[i].Descriptors));
            IsClosed(bad);
            Assert.Equal(0, client.Switch(tcp.SafeHandle, RepairMode.On));
        }
        LockingPair.Until(() => helping.Log.Length == all.Length && DescriptorsOf(tcp.SafeHandle) == before);
    });

    [Fact]
    public void Another_version_is_told_which_one_is_spoken() => LockingNamespace.Run(() =>
    {
        using var helping = new Helping();
        using var tcp = New(AddressFamily.InterNetwork);
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Connect(new UnixDomainSocketEndPoint(helping.Path));
        byte[] request = Request(1), answer = new byte[HelperProtocol.AnswerBytes];
        request[4] = 9;
        DescriptorMessages.Send((int)other.Handle, request, [(int)tcp.Handle]);
        Assert.Equal(answer.Length, other.Receive(answer));
        var (_, version, operation, result, _) = HelperProtocol.ReadHeader(answer);
        Assert.Equal((HelperProtocol.Version, (ushort)1, -Errno.EPROTONOSUPPORT), (version, operation, result));
        IsClosed(other);
    });

    [Fact]
    public void It_holds_the_traffic_of_sockets_that_are_shown_to_it() => LockingNamespace.Run(() =>
    {
        using var own = NftablesLock.CreateOwned(new NftablesLockOptions { Mark = Mark });
        using var helping = new Helping(new RepairHelperOptions { Lock = own });
        using var client = RepairHelperClient.Connect(helping.Path);
        using LockingPair pair = new(), other = new("IPv6");
        using var held = client.OpenLock();
        Assert.Equal(Mark, held.Mark);
        held.Hold([pair.Held, other.Held]);
        pair.IsHeld();
        other.IsHeld();
        held.Release([pair.Held]);
        pair.ArrivesNow();
        held.Dispose();
        LockingPair.NothingComes(other.Peer, other.Ours);
        using (var again = client.OpenLock())
            again.Release([other.Held]);
        LockingPair.Receive(other.Ours);
        Assert.Contains("has no socket: the repair helper holds", Assert.Throws<SoccrException>(() => held.Hold([pair.Held with { Socket = null }])).Message, StringComparison.Ordinal);
        using var alone = New(AddressFamily.InterNetwork);
        alone.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.Equal(Errno.ENOTCONN, Assert.Throws<SoccrException>(() => held.Hold([pair.Held, pair.Held with { Socket = alone.SafeHandle }])).ErrorNumber);
        pair.Passes();
    });

    [Fact]
    public void Many_are_held_in_messages_of_64() => LockingNamespace.Run(() =>
    {
        const int Count = 130;
        using var own = NftablesLock.CreateOwned();
        using var helping = new Helping(new RepairHelperOptions { Lock = own });
        using var client = RepairHelperClient.Connect(helping.Path);
        var pairs = Enumerable.Range(0, Count).Select(_ => new LockingPair()).ToArray();
        using var held = client.OpenLock();
        HeldFlow[] all = [.. pairs.Select(p => p.Held)];
        held.Hold(all);
        foreach (int i in (int[])[0, 63, 64, Count - 1])
            LockingPair.NothingComes(pairs[i].Peer, pairs[i].Ours);
        held.Release(all);
        foreach (int i in (int[])[0, 63, 64, Count - 1])
            LockingPair.Receive(pairs[i].Ours);
        using var unconnected = New(AddressFamily.InterNetwork);
        Assert.Throws<SoccrException>(() => held.Hold([.. all, new HeldFlow(pairs[0].Flow, unconnected.SafeHandle)]));
        pairs[0].Passes();                                              // the first messages were taken back
        Array.ForEach(pairs, p => p.Dispose());
    });

    [Fact]
    public void More_clients_than_it_shall_have_are_sent_away_and_it_ends_when_it_is_told_to() => LockingNamespace.Run(() =>
    {
        using var tcp = New(AddressFamily.InterNetwork);
        RepairHelperClient first;
        using (var helping = new Helping(new RepairHelperOptions { MaxClients = 1 }))
        {
            first = RepairHelperClient.Connect(helping.Path);
            Assert.Equal(0, first.Switch(tcp.SafeHandle, RepairMode.On));
            using var second = RepairHelperClient.Connect(helping.Path);
            Assert.Contains("has closed the connection", Assert.Throws<SoccrException>(() => second.Switch(tcp.SafeHandle, RepairMode.On)).Message, StringComparison.Ordinal);
            Assert.Equal(0, first.Switch(tcp.SafeHandle, RepairMode.Off));
            Assert.Contains("a client was sent away: there are 1 already", helping.Log);
        }
        using (first)
            Assert.StartsWith("connect to the repair helper at ", Assert.Throws<SoccrException>(() => first.Switch(tcp.SafeHandle, RepairMode.On)).Message, StringComparison.Ordinal);
    });

    [Theory, InlineData(SocketType.Stream), InlineData(SocketType.Seqpacket)]
    public void One_connected_socket_is_served_until_its_client_goes(SocketType type) => LockingNamespace.Run(() =>
    {
        var (server, theirs) = Pair(type);
        using (server)
        {
            var thread = new Thread(() => RepairHelper.Serve(server, cancellation: TestContext.Current.CancellationToken));
            thread.Start();
            using var tcp = New(AddressFamily.InterNetwork);
            using (var client = new RepairHelperClient(theirs))
                Assert.Equal(0, client.Switch(tcp.SafeHandle, RepairMode.On));
            thread.Join();
        }
        Assert.Throws<ArgumentException>(() => RepairHelper.Serve(New(AddressFamily.InterNetwork), cancellation: TestContext.Current.CancellationToken));
    });

    [Fact]
    public void A_client_goes_on_when_the_helper_was_started_anew() => LockingNamespace.Run(() =>
    {
        using var tcp = New(AddressFamily.InterNetwork);
        using var first = new Helping();
        string link = first.Path + ".link";
        File.CreateSymbolicLink(link, first.Path);
        using var client = RepairHelperClient.Connect(link);
        Assert.Equal(0, client.Switch(tcp.SafeHandle, RepairMode.On));
        using var second = new Helping();
        first.EndServing();
        File.Delete(link);
        File.CreateSymbolicLink(link, second.Path);
        Assert.Equal(0, client.Switch(tcp.SafeHandle, RepairMode.Off));
    });

    private static SafeFileHandle Stdin => new(0, ownsHandle: false);

    private static Socket New(AddressFamily family) => new(family, SocketType.Stream, ProtocolType.Tcp);

    private static byte[] Request(ushort operation)
    {
        byte[] request = new byte[HelperProtocol.RequestBytes];
        HelperProtocol.WriteRequest(request, operation, operation == HelperProtocol.Mark ? [] : BitConverter.GetBytes(1));
        return request;
    }

    private static byte[] With(byte[] request, int at, int value)
    {
        byte[] changed = [.. request];
        BitConverter.TryWriteBytes(changed.AsSpan(at), value);
        return changed;
    }

    /// <summary>One descriptor more than the helper takes.</summary>
    private static unsafe long SendTooMany(Socket socket, byte[] message, int fd)
    {
        const int Count = DescriptorMessages.Most + 1;
        byte* control = stackalloc byte[ControlHeader.Size + Count * sizeof(int) + 4];
        *(ControlHeader*)control = new ControlHeader { Length = ControlHeader.Size + Count * sizeof(int), Level = Sockets.SOL_SOCKET, Type = Sockets.SCM_RIGHTS };
        new Span<int>(control + ControlHeader.Size, Count).Fill(fd);
        fixed (byte* bytes = message)
        {
            var vector = new IoVector { Base = (long)bytes, Length = message.Length };
            var header = new MessageHeader { Vectors = (ulong)&vector, VectorCount = 1, Control = (ulong)control, ControlLength = ControlHeader.Size + Count * sizeof(int) };
            return Kernel.Call(Nr.sendmsg, socket.Handle, (long)(&header));
        }
    }

    private static unsafe (Socket, Socket) Pair(SocketType type)
    {
        int* two = stackalloc int[2];
        Assert.Equal(0, Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, (type == SocketType.Stream ? Sockets.SOCK_STREAM : Sockets.SOCK_SEQPACKET) | Sockets.SOCK_CLOEXEC, 0, (long)two));
        return (new Socket(new SafeSocketHandle(two[0], ownsHandle: true)), new Socket(new SafeSocketHandle(two[1], ownsHandle: true)));
    }

    private static void IsClosed(Socket socket)
    {
        socket.ReceiveTimeout = 30_000;
        try
        {
            Assert.Equal(0, socket.Receive(new byte[1]));
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);           // it had not read all
        }
    }

    /// <summary>How many this process has of these objects: only they are sent, and whatever other tests leave comes and goes.</summary>
    private static int DescriptorsOf(params SafeHandle[] sent)
    {
        static string? LinkOf(string place)
        {
            try
            {
                return new FileInfo(place).LinkTarget;
            }
            catch (IOException)
            {
                return null;                            // it was closed meanwhile
            }
        }
        HashSet<string?> links = [.. sent.Where(h => !h.IsInvalid).Select(h => LinkOf($"/proc/self/fd/{h.DangerousGetHandle()}"))];
        return Directory.GetFiles("/proc/self/fd").Count(place => LinkOf(place) is { } link && links.Contains(link));
    }
}
