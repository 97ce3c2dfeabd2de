using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// netlink(7): its protocol, its port, the groups that it hears, whom it speaks to. What waits in one cannot be put back, as nobody but the kernel could have said it. The images do not tell SOCK_RAW
/// from SOCK_DGRAM, between which the kernel makes no difference.
/// </summary>
internal sealed unsafe class NetlinkSocket : IFileKind
{
    private const int Connected = 1, Unconnected = 7;   // sk_state as NETLINK_DIAG tells it: NETLINK_CONNECTED, or what any new socket has
    private const int BitsOfWord = 32;

    private static readonly (int Level, int Number)[] Options =
    [
        .. new[] { Netlink.NETLINK_PKTINFO, Netlink.NETLINK_BROADCAST_ERROR, Netlink.NETLINK_NO_ENOBUFS, Netlink.NETLINK_LISTEN_ALL_NSID, Netlink.NETLINK_CAP_ACK, Netlink.NETLINK_EXT_ACK,
            Netlink.NETLINK_GET_STRICT_CHK }.Select(number => (Netlink.SOL_NETLINK, number)),
        .. new[] { So.TIMESTAMP_OLD, So.TIMESTAMPNS_OLD, So.TIMESTAMP_NEW, So.TIMESTAMPNS_NEW, So.RXQ_OVFL, So.RCVMARK, So.PEEK_OFF }.Select(number => (Sockets.SOL_SOCKET, number)),
    ];

    public FdTypes Type => FdTypes.Netlinksk;

    public bool Matches(OpenFile file) => file.SocketDomain == Sockets.AF_NETLINK;

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        using var socket = file.Fetch();
        int protocol = SocketOptions.ReadInt(socket, So.PROTOCOL);
        if (WaitingBytes(socket) is not 0 and var waiting)
            throw new CheckpointException($"messages wait in {file}, a netlink socket of protocol {protocol} ({waiting} bytes of memory): they cannot be put back", "Let them be read, then dump again");
        using var fresh = NewSocket(protocol);
        var peer = NameOf(socket, ofPeer: true);
        bool isConnected = peer.PortId != 0 || peer.Groups != 0;
        var entry = new NetlinkSkEntry
        {
            Id = id, Ino = (uint)file.Stat.Inode, Protocol = (uint)protocol, State = isConnected ? Connected : (uint)Unconnected, Flags = file.Flags, Portid = NameOf(socket, ofPeer: false).PortId,
            DstPortid = peer.PortId, DstGroup = (uint)(BitsOfWord - uint.LeadingZeroCount(peer.Groups)), Fown = file.ReadOwner(), Opts = SocketOptions.Read(socket, file.ToString()),
            NsId = file.Task.Ids.NetNsId,
        };
        entry.Groups.AddRange(GroupsOf(socket));
        entry.Options.AddRange(SocketDifferences.Read(socket, Options, SocketDifferences.ValuesOf(fresh, Options)));
        return new FileEntry { Type = FdTypes.Netlinksk, Id = id, Nlsk = entry };
    }

    /// <summary>A look at the queue would let the kernel go on with a long answer: what it counts is asked for.</summary>
    private static uint WaitingBytes(SafeFileHandle socket)
    {
        const int Counters = 9, Received = 0;           // SK_MEMINFO_VARS, SK_MEMINFO_RMEM_ALLOC: linux/sock_diag.h
        Span<uint> counters = stackalloc uint[Counters];
        long result = SocketCall.Get(socket, Sockets.SOL_SOCKET, So.MEMINFO, MemoryMarshal.AsBytes(counters));
        return Kernel.Failed(result) ? throw new CheckpointException($"SO_MEMINFO of a netlink socket cannot be read: {Errno.Name(result)}") : counters[Received];
    }

    private static NetlinkAddress NameOf(SafeFileHandle socket, bool ofPeer)
    {
        NetlinkAddress address;
        int length = sizeof(NetlinkAddress);
        long result = Kernel.Call(ofPeer ? Nr.getpeername : Nr.getsockname, socket.Fd(), (long)(&address), (long)(&length));
        return Kernel.Failed(result) ? throw new CheckpointException($"the name of a netlink socket cannot be read: {Errno.Name(result)}") : address;
    }

    /// <summary>Bit n-1 is group n; words behind the last that has a bit are left out.</summary>
    private static uint[] GroupsOf(SafeFileHandle socket)
    {
        const int MostWords = 256;                      // generic netlink has hundreds of groups
        uint[] words = new uint[MostWords];
        long bytes = SocketCall.Get(socket, Netlink.SOL_NETLINK, Netlink.NETLINK_LIST_MEMBERSHIPS, MemoryMarshal.AsBytes(words.AsSpan()));
        if (Kernel.Failed(bytes) || bytes > MostWords * sizeof(uint))
            throw new CheckpointException($"the groups of a netlink socket cannot be read: {(Kernel.Failed(bytes) ? Errno.Name(bytes) : $"they take {bytes} bytes")}");
        return words[..(words.AsSpan().LastIndexOfAnyExcept(0u) + 1)];
    }

    private static SafeFileHandle NewSocket(int protocol)
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_NETLINK, Sockets.SOCK_RAW | Sockets.SOCK_CLOEXEC, protocol);
        return Kernel.Failed(fd)
            ? throw new CheckpointException($"a netlink socket of protocol {protocol} cannot be made: {Errno.Name(fd)}", "The kernel needs what answers to it (linux/netlink.h): load its module")
            : Kernel.Own(fd);
    }

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Nlsk;
        if (making.TryInherit(entry.Id, $"socket:[{entry.Ino}]"))
            return;
        using var fresh = NewSocket((int)entry.Protocol);
        var batch = making.Stream.Room(8, 64);
        var fd = batch.Call(Nr.socket, Sockets.AF_NETLINK, Sockets.SOCK_RAW, entry.Protocol);
        making.Place(batch, entry.Id, fd, entry.Fown);
        int descriptor = making.PlaceOf(entry.Id);
        SocketOptions.Restore(making.Stream, descriptor, entry.Opts, SocketOptions.Read(fresh, "a new netlink socket"), setsBuffers: false);
        SocketDifferences.Set(making.Stream, descriptor, entry.Options);
        if (entry.Portid != 0)
            Call(making, Nr.bind, descriptor, new NetlinkAddress { Family = Sockets.AF_NETLINK, PortId = entry.Portid });
        for (int word = 0; word < entry.Groups.Count; word++)
            for (int bit = 0; bit < BitsOfWord; bit++)
                if ((entry.Groups[word] >> bit & 1) != 0)
                    SocketDifferences.Set(making.Stream, descriptor,
                        [SocketDifferences.Entry(Netlink.SOL_NETLINK, Netlink.NETLINK_ADD_MEMBERSHIP, BitConverter.GetBytes(word * BitsOfWord + bit + 1))]);
        if (entry.State == Connected)
            Call(making, Nr.connect, descriptor, new NetlinkAddress { Family = Sockets.AF_NETLINK, PortId = entry.DstPortid, Groups = entry.DstGroup == 0 ? 0 : 1u << (int)(entry.DstGroup - 1) });
        making.Stream.Room(1).Call(Nr.fcntl, descriptor, Fcntl.F_SETFL, entry.Flags & ~(uint)Fcntl.O_ACCMODE);
    }

    private static void Call(FileMaking making, Nr number, int descriptor, NetlinkAddress address)
    {
        var batch = making.Stream.Room(1, 32);
        batch.Call(number, descriptor, batch.New(address).Remote, sizeof(NetlinkAddress));
    }
}
