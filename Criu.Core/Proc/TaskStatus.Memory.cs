namespace Criu.Core.Proc;

/// <summary>Sizes in bytes; the file has kB of 1024 bytes.</summary>
internal sealed partial record TaskStatus
{
    /// <summary>VmSize: address space.</summary>
    public ulong VirtualSize { get; private set; }

    /// <summary>VmRSS.</summary>
    public ulong ResidentSize { get; private set; }

    public ulong ResidentAnonymous { get; private set; }

    public ulong ResidentFile { get; private set; }

    public ulong ResidentShared { get; private set; }

    public ulong LockedSize { get; private set; }

    public ulong SwappedSize { get; private set; }

    private bool TakeMemory(ReadOnlySpan<byte> key, ref ProcCursor value)
    {
        if (key.SequenceEqual("VmSize"u8))
            VirtualSize = TakeKilobytes(ref value);
        else if (key.SequenceEqual("VmRSS"u8))
            ResidentSize = TakeKilobytes(ref value);
        else if (key.SequenceEqual("RssAnon"u8))
            ResidentAnonymous = TakeKilobytes(ref value);
        else if (key.SequenceEqual("RssFile"u8))
            ResidentFile = TakeKilobytes(ref value);
        else if (key.SequenceEqual("RssShmem"u8))
            ResidentShared = TakeKilobytes(ref value);
        else if (key.SequenceEqual("VmLck"u8))
            LockedSize = TakeKilobytes(ref value);
        else if (key.SequenceEqual("VmSwap"u8))
            SwappedSize = TakeKilobytes(ref value);
        else
            return false;
        return true;
    }

    private static ulong TakeKilobytes(ref ProcCursor value)
    {
        ulong kilobytes = value.TakeDecimal();
        value.Take(" kB"u8);
        return kilobytes << 10;
    }
}
