namespace Criu.Core.Proc;

internal sealed partial record TaskStatus
{
    private static readonly uint[] NoGroups = [];

    public IdSet Uid { get; private set; }

    public IdSet Gid { get; private set; }

    /// <summary>Supplementary groups, ascending.</summary>
    public IReadOnlyList<uint> Groups { get; private set; } = NoGroups;

    /// <summary>Bit n is capability n, capabilities(7).</summary>
    public ulong CapInheritable { get; private set; }

    public ulong CapPermitted { get; private set; }

    public ulong CapEffective { get; private set; }

    public ulong CapBounding { get; private set; }

    public ulong CapAmbient { get; private set; }

    private bool TakeCredentials(ReadOnlySpan<byte> key, ref ProcCursor value)
    {
        if (key.SequenceEqual("Uid"u8))
            Uid = See(Required.Uid, TakeIdSet(ref value));
        else if (key.SequenceEqual("Gid"u8))
            Gid = See(Required.Gid, TakeIdSet(ref value));
        else if (key.SequenceEqual("Groups"u8))
            Groups = TakeGroups(ref value);
        else if (key.SequenceEqual("CapInh"u8))
            CapInheritable = value.TakeHex();
        else if (key.SequenceEqual("CapPrm"u8))
            CapPermitted = value.TakeHex();
        else if (key.SequenceEqual("CapEff"u8))
            CapEffective = value.TakeHex();
        else if (key.SequenceEqual("CapBnd"u8))
            CapBounding = See(Required.CapBnd, value.TakeHex());
        else if (key.SequenceEqual("CapAmb"u8))
            CapAmbient = value.TakeHex();
        else
            return false;
        return true;
    }

    private static IdSet TakeIdSet(ref ProcCursor value)
    {
        uint real = value.TakeUInt32();
        value.Take('\t');
        uint effective = value.TakeUInt32();
        value.Take('\t');
        uint saved = value.TakeUInt32();
        value.Take('\t');
        return new(real, effective, saved, value.TakeUInt32());
    }

    private static uint[] TakeGroups(ref ProcCursor value)
    {
        if (value.AtEnd)
            return NoGroups;
        var groups = new List<uint>();
        for (; !value.AtEnd; value.SkipSpaces())
            groups.Add(value.TakeUInt32());
        return [.. groups];
    }
}
