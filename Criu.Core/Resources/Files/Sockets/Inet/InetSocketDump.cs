using System.Net;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>The inet sockets of a dump. TCP sockets are only looked at while descriptors are dumped; what they hold is saved at the end, in one go: <see cref="TcpDump"/>.</summary>
internal sealed class InetSocketDump(DumpContext context) : IDumpStages
{
    private readonly Dictionary<(byte, byte), Dictionary<uint, byte>> shutdowns = [];
    private readonly Dictionary<(uint, uint, uint), byte[]?[]> optionsOfNew = [];

    private readonly TcpDump tcp = new(context);

    /// <summary>Null for a TCP socket, whose entry follows.</summary>
    public FileEntry? Dump(OpenFile file, uint id)
    {
        var socket = file.Fetch();
        try
        {
            var entry = Describe(file, id, socket);
            if (entry is { Type: Sockets.SOCK_STREAM })
            {
                tcp.Add(new TcpSocket(file, socket, entry));
                return null;
            }
            DumpDatagram(file, socket, entry);
            socket.Dispose();
            return Wrap(entry);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static FileEntry Wrap(InetSkEntry entry) => new() { Type = FdTypes.Inetsk, Id = entry.Id, Isk = entry };

    /// <summary>Everything but state, ends and what is in it. Read before repair mode changes some of it.</summary>
    private InetSkEntry Describe(OpenFile file, uint id, SafeFileHandle socket)
    {
        var entry = new InetSkEntry
        {
            Id = id, Ino = (uint)file.Stat.Inode, Family = (uint)file.SocketDomain, Type = (uint)InetOptions.Value(socket, Sockets.SOL_SOCKET, So.TYPE),
            Proto = (uint)InetOptions.Value(socket, Sockets.SOL_SOCKET, So.PROTOCOL), State = SocketStates.CLOSE, SrcPort = 0, DstPort = 0, Flags = file.Flags, Backlog = 0, Fown = file.ReadOwner(),
        };
        Refuse(file, entry);
        entry.Opts = SocketOptions.Read(socket, file.ToString());
        entry.IpOpts = InetOptions.ReadIp(socket, entry);
        if (entry.Family == Sockets.AF_INET6)
            entry.V6Only = InetOptions.Value(socket, Inet.IPPROTO_IPV6, Ipv6.V6ONLY) != 0;
        if (ShutdownOf(file, socket, entry) is not 0 and var shutdown)
            entry.Shutdown = (SkShutdown)shutdown;
        return entry;
    }

    private static void Refuse(OpenFile file, InetSkEntry entry)
    {
        bool isKnown = entry.Type switch
        {
            Sockets.SOCK_STREAM => entry.Proto == Inet.IPPROTO_TCP,
            Sockets.SOCK_DGRAM => entry.Proto is Inet.IPPROTO_UDP or Inet.IPPROTO_UDPLITE or Inet.IPPROTO_ICMP or Inet.IPPROTO_ICMPV6,
            _ => entry.Type == Sockets.SOCK_RAW,
        };
        if (isKnown)
            return;
        string protocol = entry.Proto switch { Inet.IPPROTO_MPTCP => "MPTCP", 132 => "SCTP", 33 => "DCCP", var other => $"protocol {other}" };
        throw new CheckpointException($"{file} is a socket of {protocol} (type {entry.Type}), which has no way to be saved",
            entry.Proto == Inet.IPPROTO_MPTCP ? "Make it with IPPROTO_TCP; for Go programs, set GODEBUG=multipathtcp=0" : "Close it before the dump");
    }

    /// <summary>The kernel tells it for sockets that are bound or connected; of others, a poll shows whether reading is.</summary>
    private int ShutdownOf(OpenFile file, SafeFileHandle socket, InetSkEntry entry)
    {
        var key = ((byte)entry.Family, (byte)entry.Proto);
        if (!shutdowns.TryGetValue(key, out var all))
        {
            shutdowns[key] = all = [];
            if (entry.Type != Sockets.SOCK_RAW)
                InetDiagCall.AddShutdowns(key.Item1, key.Item2, all);
        }
        if (all.TryGetValue((uint)file.Stat.Inode, out byte known))
            return known;
        const int Reading = 1, Both = 3;
        int events = SocketCall.Events(socket, Poll.POLLHUP | Poll.POLLRDHUP);
        if ((events & Poll.POLLRDHUP) == 0)
            return 0;
        return (events & Poll.POLLHUP) != 0 && entry.Type != Sockets.SOCK_STREAM ? Both : Reading;       // a stream that was never connected hangs up in any case
    }

    private void DumpDatagram(OpenFile file, SafeFileHandle socket, InetSkEntry entry)
    {
        bool isUdp = entry is { Type: Sockets.SOCK_DGRAM, Proto: Inet.IPPROTO_UDP or Inet.IPPROTO_UDPLITE };
        if (isUdp && InetOptions.Value(socket, Inet.IPPROTO_UDP, UdpOption.CORK) != 0)
            throw new CheckpointException($"{file} is corked (UDP_CORK): it holds a datagram that nobody can read", "Let it be sent (switch UDP_CORK off), then dump again");
        IPEndPoint? local = SocketCall.Name(socket, peer: false), remote = SocketCall.Name(socket, peer: true);
        InetEnds.Write(entry, local, remote);
        if (remote != null)
            entry.State = SocketStates.ESTABLISHED;
        WriteInterface(entry, local);
        entry.Extras = new SocketExtrasEntry();
        entry.Extras.Options.AddRange(InetOptions.ReadAll(socket, entry, optionsOfNew));
        entry.Extras.Groups.AddRange(MulticastGroups.Read(socket, entry.Family));
        if (entry.Type == Sockets.SOCK_DGRAM)
            DatagramQueue.Dump(file, socket, entry.Id, context);
    }

    /// <summary>A link-local address belongs to an interface.</summary>
    private static void WriteInterface(InetSkEntry entry, IPEndPoint? local)
    {
        if (local is { Address: { IsIPv6LinkLocal: true, ScopeId: > 0 and var scope } } && NetworkInterfaces.NameOf((int)scope) is { } name)
            entry.Ifname = ByteString.CopyFromUtf8(name);
    }

    public Phase? AfterMemory(Guard guard) => new("connections", () => tcp.SaveAll(guard));

    public void Describe(InventoryEntry inventory) => (inventory.NetworkLockMethod, inventory.TcpClose) = ((uint)tcp.HeldBy, context.Options.TcpClose);

    public void BeforeLettingGo() => tcp.ResumeAll();

    public Pledge? Pledge => tcp.Pledge;

    public void AfterKilling() => tcp.LeaveAll();

    public void Dispose() => tcp.Dispose();
}
