using System.Globalization;
using System.Text;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// The table that holds traffic, as nft(8) would write it:
/// <code>
/// table inet NAME {
///     comment "Criu.Soccr lock, mark 0xc114"
///     set held4 { typeof ip saddr . ip daddr . tcp sport . tcp dport }        # our address, the peer's, our port, the peer's
///     set held6 { typeof ip6 saddr . ip6 daddr . tcp sport . tcp dport }
///     chain in {
///         type filter hook input priority -400; policy accept;
///         meta mark 0xc114 accept
///         meta nfproto ipv4 meta l4proto tcp ip daddr . ip saddr . tcp dport . tcp sport @held4 drop
///         meta nfproto ipv6 ... @held6 drop
///     }
///     chain out { the same with source and destination changed over }
/// }
/// </code>
/// One element serves both directions. Priority -400 is before connection tracking on the way out (NF_IP_PRI_CONNTRACK is -200, linux/netfilter_ipv4.h), which so never sees a
/// segment that is dropped; both hooks see the addresses as the socket does, inside any translation.
/// TCP sees a drop on the way out as a failed send: the data counts as not sent (SIOCOUTQNSD), and is tried again.
/// </summary>
internal static class LockTable
{
    public const string Set4 = "held4", Set6 = "held6";
    private const string In = "in", Out = "out";
    private const int Priority = -400, Tcp = 6;
    private const byte CommentType = 0;                         // how nft marks a comment in user data, so that it lists ours
    private const string Comment = "Criu.Soccr lock, mark 0x";

    public static void Write(NfTablesBatch batch, string table, NftablesLockOptions options, bool isOwned)
    {
        var writer = batch.Writer;
        using (batch.Message(NfTables.NFT_MSG_NEWTABLE, isOwned ? "NFT_MSG_NEWTABLE with NFT_TABLE_F_OWNER" : nameof(NfTables.NFT_MSG_NEWTABLE),
            Netlink.NLM_F_CREATE | Netlink.NLM_F_EXCL))
        {
            writer.Text(NfTables.NFTA_TABLE_NAME, table);
            writer.Number(NfTables.NFTA_TABLE_FLAGS, isOwned ? NfTables.NFT_TABLE_F_OWNER : 0);
            byte[] comment = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Comment}{options.Mark:x}\0"));
            writer.Bytes(NfTables.NFTA_TABLE_USERDATA, [CommentType, (byte)comment.Length, .. comment]);
        }
        WriteSet(batch, table, FlowKey.V4, options.Timeout);
        WriteSet(batch, table, FlowKey.V6, options.Timeout);
        WriteChain(batch, table, In, Netfilter.NF_INET_LOCAL_IN);
        WriteChain(batch, table, Out, Netfilter.NF_INET_LOCAL_OUT);
        WriteRules(batch, table, options.Mark, [FlowKey.V4, FlowKey.V6]);
    }

    public static void WriteRules(NfTablesBatch batch, string table, uint mark, IReadOnlyList<FlowKey> keys)
    {
        foreach (string chain in new[] { In, Out })
        {
            WriteRule(batch, table, chain, rule =>
            {
                rule.Meta(NfTables.NFT_META_MARK);
                rule.Equal(BitConverter.GetBytes(mark));        // the mark alone is in the machine's byte order
                rule.Verdict(Netfilter.NF_ACCEPT);
            });
            foreach (var key in keys)
                WriteRule(batch, table, chain, rule => Drop(rule, key, incoming: chain == In));
        }
    }

    private static void Drop(RuleExpressions rule, FlowKey key, bool incoming)
    {
        rule.Meta(NfTables.NFT_META_NFPROTO);
        rule.Equal([key.Protocol]);
        rule.Meta(NfTables.NFT_META_L4PROTO);
        rule.Equal([Tcp]);
        rule.LoadKey(key, incoming);
        rule.Lookup(key.Set);
        rule.Verdict(Netfilter.NF_DROP);
    }

    /// <summary>The mark of a table of ours, by its comment.</summary>
    /// <returns>False where the table is another's.</returns>
    public static bool TryReadMark(ReadOnlySpan<byte> userData, out uint mark)
    {
        mark = 0;
        if (userData.Length < 2 || userData[0] != CommentType || userData[1] > userData.Length - 2)
            return false;
        string comment = Encoding.UTF8.GetString(userData.Slice(2, userData[1]).TrimEnd((byte)0));
        return comment.StartsWith(Comment, StringComparison.Ordinal) && uint.TryParse(comment.AsSpan(Comment.Length), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out mark);
    }

    private static void WriteSet(NfTablesBatch batch, string table, FlowKey key, TimeSpan? timeout)
    {
        var writer = batch.Writer;
        using var message = batch.Message(NfTables.NFT_MSG_NEWSET, $"NFT_MSG_NEWSET {key.Set}", Netlink.NLM_F_CREATE);
        writer.Text(NfTables.NFTA_SET_TABLE, table);
        writer.Text(NfTables.NFTA_SET_NAME, key.Set);
        writer.Number(NfTables.NFTA_SET_FLAGS, timeout == null ? 0 : NfTables.NFT_SET_TIMEOUT);
        writer.Number(NfTables.NFTA_SET_KEY_TYPE, key.NftType);
        writer.Number(NfTables.NFTA_SET_KEY_LEN, key.Bytes);
        writer.Number(NfTables.NFTA_SET_ID, key.AddressBytes);  // any number that is the set's own within the batch
        if (timeout is { } time)
            writer.LongNumber(NfTables.NFTA_SET_TIMEOUT, Math.Max(1, (long)time.TotalMilliseconds));
    }

    private static void WriteChain(NfTablesBatch batch, string table, string chain, int hook)
    {
        var writer = batch.Writer;
        using var message = batch.Message(NfTables.NFT_MSG_NEWCHAIN, $"NFT_MSG_NEWCHAIN {chain}", Netlink.NLM_F_CREATE);
        writer.Text(NfTables.NFTA_CHAIN_TABLE, table);
        writer.Text(NfTables.NFTA_CHAIN_NAME, chain);
        using (writer.Nest(NfTables.NFTA_CHAIN_HOOK))
        {
            writer.Number(NfTables.NFTA_HOOK_HOOKNUM, hook);
            writer.Number(NfTables.NFTA_HOOK_PRIORITY, Priority);
        }
        writer.Number(NfTables.NFTA_CHAIN_POLICY, Netfilter.NF_ACCEPT);
        writer.Text(NfTables.NFTA_CHAIN_TYPE, "filter");
    }

    private static void WriteRule(NfTablesBatch batch, string table, string chain, Action<RuleExpressions> content)
    {
        var writer = batch.Writer;
        using var message = batch.Message(NfTables.NFT_MSG_NEWRULE, $"NFT_MSG_NEWRULE in chain {chain}", Netlink.NLM_F_CREATE | Netlink.NLM_F_APPEND);
        writer.Text(NfTables.NFTA_RULE_TABLE, table);
        writer.Text(NfTables.NFTA_RULE_CHAIN, chain);
        using var expressions = writer.Nest(NfTables.NFTA_RULE_EXPRESSIONS);
        content(new RuleExpressions(writer));
    }
}
