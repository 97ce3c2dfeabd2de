using Linux.Abi;

namespace Criu.Soccr;

/// <summary>What cannot be saved, by name.</summary>
internal static class Refusals
{
    /// <summary>TCP_ULP alone tells TCP without such a thing: other sockets have no such option, and MPTCP shows itself by the name of its own.</summary>
    public static void CheckProtocol(SocketCalls calls)
    {
        Span<byte> name = stackalloc byte[16];
        long length = calls.TryGet(Inet.IPPROTO_TCP, Tcp.ULP, name);
        if (length == 0 || length > 0 && name[0] == 0)
            return;
        int domain = calls.Get<int>(Sockets.SOL_SOCKET, So.DOMAIN, "SO_DOMAIN"), protocol = calls.Get<int>(Sockets.SOL_SOCKET, So.PROTOCOL, "SO_PROTOCOL");
        if (protocol == Inet.IPPROTO_MPTCP)
            throw new SoccrException("the socket speaks MPTCP (SO_PROTOCOL 262), which has no repair mode: make it with IPPROTO_TCP");
        if (domain is not (Sockets.AF_INET or Sockets.AF_INET6) || protocol != Inet.IPPROTO_TCP)
            throw new SoccrException($"the socket is no TCP socket: its family is {domain}, its protocol {protocol}");
        calls.Check(length, "TCP_ULP");
        throw Refused(calls, $"it has an upper layer protocol (TCP_ULP {System.Text.Encoding.ASCII.GetString(name[..(int)length]).TrimEnd('\0')}), whose keys and state are not ours");
    }

    public static void CheckAuthentication(SocketCalls calls)
    {
        if (KnowsAuthentication.Value && HasAuthentication(calls) >= 0)
            throw Refused(calls, "its segments are authenticated (TCP_AO_INFO), by keys that the kernel does not tell");
    }

    public static void CheckListener(SocketCalls calls)
    {
        if (SocketIdentity.ReadInfo(calls).Unacked is not 0 and var waiting)
            throw Refused(calls, $"{waiting} connections wait to be accepted, and a queue cannot be restored. Accept or refuse them first, or let them go (SkipInFlight)");
    }

    /// <summary>TCP-AO is of Linux 6.7, and may be left out of a kernel.</summary>
    private static readonly Lazy<bool> KnowsAuthentication = new(() =>
    {
        using var socket = NewSockets.TryMake(Sockets.AF_INET) ?? NewSockets.TryMake(Sockets.AF_INET6);
        return socket == null || HasAuthentication(new SocketCalls(socket.Fd(), "")) != -Errno.ENOPROTOOPT;
    });

    private static long HasAuthentication(SocketCalls calls)
    {
        Span<byte> keys = stackalloc byte[64];
        keys.Clear();
        return calls.TryGet(Inet.IPPROTO_TCP, Tcp.AO_INFO, keys);
    }

    /// <summary>Which is known only when its state is asked for.</summary>
    public static void CheckHandshake(SocketCalls calls, TcpState state)
    {
        if (state == TcpState.SynReceived)
            throw Refused(calls, "its handshake is not complete (Fast Open). Wait until it is");
    }

    /// <summary>Reads stop at the urgent mark, and what is behind it would be lost unseen. The byte itself is in the receive queue: where that is empty, none waits.</summary>
    public static void CheckUrgent(SocketCalls calls)
    {
        Span<byte> one = stackalloc byte[1];
        long result = calls.Receive(one, Sockets.MSG_OOB | Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
        if (result > 0 || result == -Errno.EAGAIN)
            throw Refused(calls, "urgent data waits in it, which cannot be restored. Read it first (MSG_OOB)");
    }

    private static SoccrException Refused(SocketCalls calls, string why) => new($"{calls.Subject} cannot be saved: {why}");
}
