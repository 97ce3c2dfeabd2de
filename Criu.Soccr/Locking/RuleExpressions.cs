using Linux.Abi;

namespace Criu.Soccr;

/// <summary>The expressions of a rule: each loads into registers of 4 bytes, or ends the rule where it does not hold.</summary>
internal readonly struct RuleExpressions(NetlinkWriter writer)
{
    private const int First = NfTables.NFT_REG32_00;

    public void Meta(int key)
    {
        using var element = writer.Nest(NfTables.NFTA_LIST_ELEM);
        writer.Text(NfTables.NFTA_EXPR_NAME, "meta");
        using var data = writer.Nest(NfTables.NFTA_EXPR_DATA);
        writer.Number(NfTables.NFTA_META_DREG, First);
        writer.Number(NfTables.NFTA_META_KEY, key);
    }

    public void Equal(ReadOnlySpan<byte> value)
    {
        using var element = writer.Nest(NfTables.NFTA_LIST_ELEM);
        writer.Text(NfTables.NFTA_EXPR_NAME, "cmp");
        using var data = writer.Nest(NfTables.NFTA_EXPR_DATA);
        writer.Number(NfTables.NFTA_CMP_SREG, First);
        writer.Number(NfTables.NFTA_CMP_OP, NfTables.NFT_CMP_EQ);
        using var compared = writer.Nest(NfTables.NFTA_CMP_DATA);
        writer.Bytes(NfTables.NFTA_DATA_VALUE, value);
    }

    /// <summary>A packet's addresses and ports as <see cref="FlowKey"/> lays them out: ours first, which of an incoming packet is the destination.</summary>
    public void LoadKey(FlowKey key, bool incoming)
    {
        int source = key.AddressOffset, destination = source + key.AddressBytes, words = key.AddressBytes / 4;
        Payload(First, NfTables.NFT_PAYLOAD_NETWORK_HEADER, incoming ? destination : source, key.AddressBytes);
        Payload(First + words, NfTables.NFT_PAYLOAD_NETWORK_HEADER, incoming ? source : destination, key.AddressBytes);
        Payload(First + 2 * words, NfTables.NFT_PAYLOAD_TRANSPORT_HEADER, incoming ? 2 : 0, 2);
        Payload(First + 2 * words + 1, NfTables.NFT_PAYLOAD_TRANSPORT_HEADER, incoming ? 0 : 2, 2);
    }

    public void Lookup(string set)
    {
        using var element = writer.Nest(NfTables.NFTA_LIST_ELEM);
        writer.Text(NfTables.NFTA_EXPR_NAME, "lookup");
        using var data = writer.Nest(NfTables.NFTA_EXPR_DATA);
        writer.Text(NfTables.NFTA_LOOKUP_SET, set);
        writer.Number(NfTables.NFTA_LOOKUP_SREG, First);
    }

    public void Verdict(int verdict)
    {
        using var element = writer.Nest(NfTables.NFTA_LIST_ELEM);
        writer.Text(NfTables.NFTA_EXPR_NAME, "immediate");
        using var data = writer.Nest(NfTables.NFTA_EXPR_DATA);
        writer.Number(NfTables.NFTA_IMMEDIATE_DREG, NfTables.NFT_REG_VERDICT);
        using var value = writer.Nest(NfTables.NFTA_IMMEDIATE_DATA);
        using var nested = writer.Nest(NfTables.NFTA_DATA_VERDICT);
        writer.Number(NfTables.NFTA_VERDICT_CODE, verdict);
    }

    private void Payload(int register, int header, int offset, int bytes)
    {
        using var element = writer.Nest(NfTables.NFTA_LIST_ELEM);
        writer.Text(NfTables.NFTA_EXPR_NAME, "payload");
        using var data = writer.Nest(NfTables.NFTA_EXPR_DATA);
        writer.Number(NfTables.NFTA_PAYLOAD_DREG, register);
        writer.Number(NfTables.NFTA_PAYLOAD_BASE, header);
        writer.Number(NfTables.NFTA_PAYLOAD_OFFSET, offset);
        writer.Number(NfTables.NFTA_PAYLOAD_LEN, bytes);
    }
}
