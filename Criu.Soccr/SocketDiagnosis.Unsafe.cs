using System.Collections.Concurrent;
using System.Net;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Questions to sock_diag(7), which answers about the sockets of the network namespace in which its own socket was made. One serves many questions, of any number of threads.
/// </summary>
internal sealed unsafe class SocketDiagnosis : IDisposable
{
    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<(bool IsIPv6, TcpState State), bool> haveKeys = new();         // by what the first of a kind has
    private NetlinkSocket? here;
    private HashSet<ulong>? withKeys;                   // cookies of all sockets of our namespace that have keys; null: not looked at
    private ulong ownNamespace;

    /// <summary>
    /// For many sockets: one look at all of this namespace, which tells nearly always that nobody has keys (TCP_MD5SIG), is cheaper than a question for each. Where it does not
    /// come about, each is asked for.
    /// </summary>
    public void LookAtAll()
    {
        var found = new HashSet<ulong>();
        if (Kernel.Failed(NetlinkSocket.TryOpen(out var socket, Netlink.NETLINK_SOCK_DIAG)) || socket == null)
            return;
        here = socket;
        if (new SocketCalls(socket.Handle.Fd(), "").TryGet(Sockets.SOL_SOCKET, So.NETNS_COOKIE, out ownNamespace) != 0)
            return;
        foreach (byte family in (byte[])[Sockets.AF_INET, Sockets.AF_INET6])
        {
            var request = new InetDiagRequest { Family = family, Protocol = Inet.IPPROTO_TCP, Extensions = Md5Keys.WithInfo, States = uint.MaxValue };
            if (Kernel.Failed(Ask(request, isDump: true, message => (socket.Exchange(message, out var messages), messages), out var answers)))
                return;
            foreach (byte[] answer in answers)
                if (!Md5Keys.Parse(answer.AsSpan(InetDiagMessage.Size)).IsEmpty)
                    found.Add(CookieOf(MemoryMarshal.Read<InetDiagMessage>(answer)));
        }
        withKeys = found;
    }

    /// <summary>Whether all sockets of a kind are without keys, where they are alike and one of them was asked.</summary>
    public bool HaveNone(bool isIPv6, TcpState state) => haveKeys.TryGetValue((isIPv6, state), out bool have) && !have;

    public void Note(bool isIPv6, TcpState state, bool hasKeys) => haveKeys.TryAdd((isIPv6, state), hasKeys);

    private static ulong CookieOf(in InetDiagMessage message) => message.Cookie0 | (ulong)message.Cookie1 << 32;

    /// <summary>Whether <see cref="LookAtAll"/> has seen that a socket has no keys.</summary>
    public bool KnowsWithoutKeys(SocketCalls calls) =>
        withKeys != null && calls.TryGet(Sockets.SOL_SOCKET, So.NETNS_COOKIE, out ulong theirs) == 0 && theirs == ownNamespace
        && (withKeys.Count == 0 || calls.TryGet(Sockets.SOL_SOCKET, So.COOKIE, out ulong cookie) == 0 && !withKeys.Contains(cookie));

    /// <summary>A socket to it in the namespace of another.</summary>
    /// <returns>0 or more, or -errno; entering another namespace than the thread's takes CAP_SYS_ADMIN.</returns>
    private static long TryOpen(SocketCalls about, out NetlinkSocket? socket)
    {
        long result = NetlinkSocket.TryOpen(out socket, Netlink.NETLINK_SOCK_DIAG);
        if (socket == null || IsOf(socket, about))
            return result;
        socket.Dispose();
        return TryOpenThere(about, out socket);
    }

    /// <summary>Before Linux 5.14 it does not show; it is the usual case.</summary>
    private static bool IsOf(NetlinkSocket here, SocketCalls calls) =>
        calls.TryGet(Sockets.SOL_SOCKET, So.NETNS_COOKIE, out ulong theirs) != 0 || new SocketCalls(here.Handle.Fd(), "").TryGet(Sockets.SOL_SOCKET, So.NETNS_COOKIE, out ulong ours) != 0 || ours == theirs;

    private static long TryOpenThere(SocketCalls about, out NetlinkSocket? socket)
    {
        NetlinkSocket? made = null;
        long result = 0;
        int fd = about.Fd;
        var thread = new Thread(() =>
        {
            result = Kernel.Call(Nr.ioctl, fd, Inet.SIOCGSKNS);
            if (Kernel.Failed(result))
                return;
            using var there = Kernel.Own(result);
            result = Kernel.Call(Nr.setns, there.Fd(), (long)Sched.CLONE_NEWNET);
            if (!Kernel.Failed(result))
                result = NetlinkSocket.TryOpen(out made, Netlink.NETLINK_SOCK_DIAG);
        });
        thread.Start();
        thread.Join();
        socket = made;
        return result;
    }

    /// <param name="about">A socket of the namespace that it is about.</param>
    /// <param name="request">About one socket, by its ends, or about all that are alike.</param>
    /// <param name="isDump">Which of these.</param>
    /// <param name="answers">For each socket struct inet_diag_msg, and attributes.</param>
    /// <returns>0 or more, or -errno.</returns>
    public long Ask(SocketCalls about, in InetDiagRequest request, bool isDump, out List<byte[]> answers) =>
        Ask(request, isDump, message => (Exchange(about, message, out var messages), messages), out answers);

    private delegate (long Result, List<byte[]> Messages) Sending(ReadOnlySpan<byte> message);

    private static long Ask(in InetDiagRequest request, bool isDump, Sending send, out List<byte[]> answers)
    {
        Span<byte> message = stackalloc byte[NetlinkHeader.Size + sizeof(InetDiagRequest)];
        ushort flags = (ushort)(Netlink.NLM_F_REQUEST | (isDump ? Netlink.NLM_F_DUMP : 0));
        MemoryMarshal.Write(message, new NetlinkHeader { Length = (uint)message.Length, Type = SockDiag.SOCK_DIAG_BY_FAMILY, Flags = flags });
        MemoryMarshal.Write(message[NetlinkHeader.Size..], request);
        answers = [];
        var (result, messages) = send(message);
        foreach (byte[] one in messages)
        {
            ushort type = MemoryMarshal.Read<NetlinkHeader>(one).Type;
            if (type == Netlink.NLMSG_ERROR)
                return MemoryMarshal.Read<int>(one.AsSpan(NetlinkHeader.Size));
            if (type == SockDiag.SOCK_DIAG_BY_FAMILY && one.Length >= NetlinkHeader.Size + InetDiagMessage.Size)
                answers.Add(one[NetlinkHeader.Size..]);
        }
        return result;
    }

    private long Exchange(SocketCalls about, ReadOnlySpan<byte> message, out List<byte[]> messages)
    {
        messages = [];
        lock (gate)
        {
            if (here == null || !IsOf(here, about))
            {
                here?.Dispose();
                long result = TryOpen(about, out here);
                if (here == null)
                    return result;
            }
            return here.Exchange(message, out messages);
        }
    }

    public void Dispose() => here?.Dispose();

    /// <summary>
    /// Connections to a listening socket that nobody has accepted yet, their handshakes complete or not. They have no inode; that tells them from accepted ones. Where several
    /// listeners share the address (SO_REUSEPORT) it does not show whose they are: all are told.
    /// </summary>
    public static HeldFlow[] ReadWaiting(SocketCalls listener, SocketAddress local)
    {
        const int NewSynReceived = 12;              // TCP_NEW_SYN_RECV: a handshake has no socket, only a request
        var request = new InetDiagRequest
        {
            Family = (byte)local.Family, Protocol = Inet.IPPROTO_TCP, SourcePort = local.Port,
            States = 1u << (int)TcpState.Established | 1u << (int)TcpState.CloseWait | 1u << (int)TcpState.SynReceived | 1u << NewSynReceived,
        };
        using var diagnosis = new SocketDiagnosis();
        listener.Check(diagnosis.Ask(listener, request, isDump: true, out var answers), "looking for its waiting connections (sock_diag)",
            "Leave it from a thread of its network namespace, or with CAP_SYS_ADMIN");
        var own = local.ToEndPoint().Address;
        List<HeldFlow> flows = [];
        foreach (byte[] answer in answers)
        {
            var one = MemoryMarshal.Read<InetDiagMessage>(answer);
            if (one.Inode != 0 || one.SourcePort != local.Port)
                continue;
            var flow = new TcpFlow(End(one.Family, one.Source, one.SourcePort, one.Interface), End(one.Family, one.Destination, one.DestinationPort, one.Interface));
            if (own.Equals(IPAddress.Any) || own.Equals(IPAddress.IPv6Any) || flow.Local.Address.Equals(own))
                flows.Add(new HeldFlow(flow, null));
        }
        return [.. flows];
    }

    private static IPEndPoint End(byte family, byte* address, ushort port, uint scope)
    {
        var bytes = new ReadOnlySpan<byte>(address, family == Sockets.AF_INET ? 4 : 16);
        var ip = new IPAddress(bytes);
        return new IPEndPoint(ip.IsIPv6LinkLocal ? new IPAddress(bytes, scope) : ip, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(port));
    }
}
