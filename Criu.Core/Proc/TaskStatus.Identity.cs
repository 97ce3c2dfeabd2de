namespace Criu.Core.Proc;

internal sealed partial record TaskStatus
{
    /// <summary>Thread group: the pid of the process.</summary>
    public int ThreadGroup { get; private set; }

    /// <summary>NUMA group.</summary>
    public int NumaGroup { get; private set; }

    /// <summary>The thread's own id.</summary>
    public int Pid { get; private set; }

    public int ParentPid { get; private set; }

    /// <summary>0 for none.</summary>
    public int TracerPid { get; private set; }

    /// <summary>NStgid: the id in each pid namespace, from that of this procfs down to the task's own.</summary>
    public IReadOnlyList<int> NamespaceThreadGroups { get; private set; } = Nobody;

    /// <summary>NSpid.</summary>
    public IReadOnlyList<int> NamespacePids { get; private set; } = Nobody;

    /// <summary>NSpgid; 0 where the group's leader is not in that namespace.</summary>
    public IReadOnlyList<int> NamespaceProcessGroups { get; private set; } = Nobody;

    /// <summary>NSsid.</summary>
    public IReadOnlyList<int> NamespaceSessions { get; private set; } = Nobody;

    private bool TakeIdentity(ReadOnlySpan<byte> key, ref ProcCursor value)
    {
        if (key.SequenceEqual("Tgid"u8))
            ThreadGroup = See(Required.Tgid, value.TakeInt32());
        else if (key.SequenceEqual("Ngid"u8))
            NumaGroup = value.TakeInt32();
        else if (key.SequenceEqual("Pid"u8))
            Pid = See(Required.Pid, value.TakeInt32());
        else if (key.SequenceEqual("PPid"u8))
            ParentPid = See(Required.PPid, value.TakeInt32());
        else if (key.SequenceEqual("TracerPid"u8))
            TracerPid = value.TakeInt32();
        else if (key.SequenceEqual("NStgid"u8))
            NamespaceThreadGroups = TakeIds(ref value);
        else if (key.SequenceEqual("NSpid"u8))
            NamespacePids = TakeIds(ref value);
        else if (key.SequenceEqual("NSpgid"u8))
            NamespaceProcessGroups = TakeIds(ref value);
        else if (key.SequenceEqual("NSsid"u8))
            NamespaceSessions = TakeIds(ref value);
        else
            return false;
        return true;
    }

    private static int[] TakeIds(ref ProcCursor value)
    {
        int first = value.TakeInt32();
        value.SkipSpaces();
        if (value.AtEnd)
            return [first];
        var ids = new List<int> { first };
        for (; !value.AtEnd; value.SkipSpaces())
            ids.Add(value.TakeInt32());
        return [.. ids];
    }
}

/// <summary>The four ids of a line Uid or Gid, as seen from this procfs' reader's user namespace.</summary>
internal readonly record struct IdSet(uint Real, uint Effective, uint Saved, uint FileSystem);
