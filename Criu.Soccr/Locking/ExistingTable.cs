using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Reads a table that another process may have made.</summary>
internal static class ExistingTable
{
    private const int HeadersBytes = 20;                        // struct nlmsghdr and struct nfgenmsg

    /// <exception cref="SoccrException">It is not there, or not a lock that can be shared.</exception>
    public static uint ReadMark(NetlinkSocket socket, string table)
    {
        var attributes = Read(socket, table).AsSpan(HeadersBytes);
        if (NetlinkAnswer.TryFind(attributes, NfTables.NFTA_TABLE_OWNER, out _))
            throw new SoccrException($"table inet {table} is owned by another process, which alone can change it");
        if (!NetlinkAnswer.TryFind(attributes, NfTables.NFTA_TABLE_USERDATA, out var userData) || !LockTable.TryReadMark(userData, out uint mark))
            throw new SoccrException($"table inet {table} is not a lock of ours: it does not have its comment");
        return mark;
    }

    private static byte[] Read(NetlinkSocket socket, string table)
    {
        const string Step = nameof(NfTables.NFT_MSG_GETTABLE);
        var writer = new NetlinkWriter();
        using (writer.Message(new NetlinkHeader { Type = Netfilter.NFNL_SUBSYS_NFTABLES << 8 | NfTables.NFT_MSG_GETTABLE, Flags = Netlink.NLM_F_REQUEST }, Netfilter.NFPROTO_INET))
            writer.Text(NfTables.NFTA_TABLE_NAME, table);
        long sent = socket.Exchange(writer.Written, out var answers);
        if (Kernel.Failed(sent))
            throw NfTablesErrors.OfElements(new NfTablesRefusal("send", (int)-sent, null), table, "the lock");
        foreach (byte[] answer in answers)
        {
            ushort type = MemoryMarshal.Read<NetlinkHeader>(answer).Type;
            if (type == (Netfilter.NFNL_SUBSYS_NFTABLES << 8 | NfTables.NFT_MSG_NEWTABLE) && answer.Length >= HeadersBytes)
                return answer;
            if (type == Netlink.NLMSG_ERROR && answer.Length >= 36 && NetlinkAnswer.Parse(answer) is { ErrorNumber: > 0 } refusal)
                throw NfTablesErrors.OfElements(new NfTablesRefusal(Step, refusal.ErrorNumber, refusal.Text), table, "the lock");
        }
        throw NfTablesErrors.OfElements(new NfTablesRefusal(Step, Errno.ENOBUFS, null), table, "the lock");
    }
}
