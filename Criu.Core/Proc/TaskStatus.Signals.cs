namespace Criu.Core.Proc;

/// <summary>Signal sets: bit n-1 is signal n, signal(7).</summary>
internal sealed partial record TaskStatus
{
    /// <summary>Signals queued for this real uid.</summary>
    public ulong QueuedSignals { get; private set; }

    public ulong QueuedSignalLimit { get; private set; }

    /// <summary>SigPnd: pending for this thread.</summary>
    public ulong SignalsPending { get; private set; }

    /// <summary>ShdPnd: pending for the whole process.</summary>
    public ulong SignalsPendingShared { get; private set; }

    /// <summary>The mask in force: not the one that comes back after rt_sigsuspend.</summary>
    public ulong SignalsBlocked { get; private set; }

    public ulong SignalsIgnored { get; private set; }

    public ulong SignalsCaught { get; private set; }

    private bool TakeSignals(ReadOnlySpan<byte> key, ref ProcCursor value)
    {
        if (key.SequenceEqual("SigQ"u8))
            TakeQueue(ref value);
        else if (key.SequenceEqual("SigPnd"u8))
            SignalsPending = value.TakeHex();
        else if (key.SequenceEqual("ShdPnd"u8))
            SignalsPendingShared = value.TakeHex();
        else if (key.SequenceEqual("SigBlk"u8))
            SignalsBlocked = See(Required.SigBlk, value.TakeHex());
        else if (key.SequenceEqual("SigIgn"u8))
            SignalsIgnored = value.TakeHex();
        else if (key.SequenceEqual("SigCgt"u8))
            SignalsCaught = value.TakeHex();
        else
            return false;
        return true;
    }

    private void TakeQueue(ref ProcCursor value)
    {
        QueuedSignals = value.TakeDecimal();
        value.Take('/');
        QueuedSignalLimit = value.TakeDecimal();
    }
}
