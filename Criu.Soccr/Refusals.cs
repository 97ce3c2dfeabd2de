using Linux.Abi;

namespace Criu.Soccr;

/// <summary>What cannot be saved, by name, before anything is changed.</summary>
internal static class Refusals
{
    public static void Check(SocketCalls calls, in SocketIdentity identity, bool skipsInFlight)
    {
        Span<byte> name = stackalloc byte[16];
        long length = calls.TryGet(Inet.IPPROTO_TCP, Tcp.ULP, name);
        if (length > 0 && name[0] != 0)
            throw Refused(calls, $"it has an upper layer protocol (TCP_ULP {System.Text.Encoding.ASCII.GetString(name[..(int)length]).TrimEnd('\0')}), whose keys and state are not ours");
        Span<byte> keys = stackalloc byte[64];
        keys.Clear();
        if (calls.TryGet(Inet.IPPROTO_TCP, Tcp.AO_INFO, keys) >= 0)
            throw Refused(calls, "its segments are authenticated (TCP_AO_INFO), by keys that the kernel does not tell");
        if (identity.State == TcpState.Listen)
        {
            int waiting = SocketIdentity.ReadInfo(calls).Unacked;
            if (waiting > 0 && !skipsInFlight)
                throw Refused(calls, $"{waiting} connections wait to be accepted, and a queue cannot be restored. Accept or refuse them first, or let them go (SkipInFlight)");
        }
        else if (identity.State == TcpState.SynReceived)
            throw Refused(calls, "its handshake is not complete (Fast Open). Wait until it is");
        if (identity.State is TcpState.Established or TcpState.FinWait1 or TcpState.FinWait2 or TcpState.CloseWait or TcpState.Closing or TcpState.LastAck)
            CheckUrgent(calls);
    }

    /// <summary>Reads stop at the urgent mark, and what is behind it would be lost unseen.</summary>
    private static void CheckUrgent(SocketCalls calls)
    {
        Span<byte> one = stackalloc byte[1];
        long result = calls.Receive(one, Inet.MSG_OOB | Inet.MSG_PEEK | Inet.MSG_DONTWAIT);
        if (result > 0 || result == -Errno.EAGAIN)
            throw Refused(calls, "urgent data waits in it, which cannot be restored. Read it first (MSG_OOB)");
    }

    private static SoccrException Refused(SocketCalls calls, string why) => new($"{calls.Subject} cannot be saved: {why}");
}
