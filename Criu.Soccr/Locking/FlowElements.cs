using Linux.Abi;

namespace Criu.Soccr;

/// <summary>Connections as elements of the two sets of a table.</summary>
internal sealed class FlowElements
{
    private readonly string table;
    private readonly List<TcpFlow> v4 = [], v6 = [];

    /// <exception cref="SoccrException">One cannot be held.</exception>
    public FlowElements(string table, ReadOnlySpan<HeldFlow> flows)
    {
        this.table = table;
        foreach (var held in flows)
            (FlowKey.Of(held.Flow) == FlowKey.V4 ? v4 : v6).Add(held.Flow);
    }

    /// <summary>A transaction that does each of these with all of them; null where there are none.</summary>
    /// <param name="types">NFT_MSG_*SETELEM. Adding what is there already does nothing; removing needs it to be there.</param>
    public NfTablesBatch? WriteAll(params ReadOnlySpan<ushort> types)
    {
        if (v4.Count + v6.Count == 0)
            return null;
        var batch = new NfTablesBatch();
        // One that is given twice may be added twice, but not removed twice. Looked for only where several things are done, which is when removing alone was refused.
        List<TcpFlow> these4 = types.Length > 1 ? FlowKey.V4.Distinct(v4) : v4, these6 = types.Length > 1 ? FlowKey.V6.Distinct(v6) : v6;
        foreach (ushort type in types)
        {
            Write(batch, type, FlowKey.V4, these4);
            Write(batch, type, FlowKey.V6, these6);
        }
        return batch;
    }

    private void Write(NfTablesBatch batch, ushort type, FlowKey key, List<TcpFlow> flows)
    {
        bool adds = type == NfTables.NFT_MSG_NEWSETELEM;
        var writer = batch.Writer;
        for (int start = 0; start < flows.Count; start += key.ElementsOfMessage)
        {
            using var message = batch.Message(type, $"{(adds ? "NFT_MSG_NEWSETELEM" : "NFT_MSG_DELSETELEM")} {key.Set}", adds ? Netlink.NLM_F_CREATE : (ushort)0);
            writer.Text(NfTables.NFTA_SET_ELEM_LIST_TABLE, table);
            writer.Text(NfTables.NFTA_SET_ELEM_LIST_SET, key.Set);
            using var list = writer.Nest(NfTables.NFTA_SET_ELEM_LIST_ELEMENTS);
            for (int i = start; i < Math.Min(flows.Count, start + key.ElementsOfMessage); i++)
                key.WriteElement(writer, flows[i]);
        }
    }

    /// <summary>For an error.</summary>
    public override string ToString() => (v4.Count + v6.Count) switch
    {
        0 => "no connection",
        1 => v4.Concat(v6).First().ToString(),
        var count => $"{count} connections ({v4.Concat(v6).First()} and others)",
    };
}
