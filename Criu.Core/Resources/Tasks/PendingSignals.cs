using System.Buffers.Binary;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>
/// Signals that wait: PTRACE_PEEKSIGINFO reads both queues from outside. They are sent back by the task itself, as the kernel lets only oneself send a
/// siginfo that claims to come from somebody else (si_code ≥ 0).
/// </summary>
internal sealed class PendingThreadSignals : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action? Ask(DumpThread thread, SyscallBatch batch, DumpContext context)
    {
        thread.Core.ThreadCore.SignalsP = SignalQueue.ToEntry(thread.PendingSignals);
        return null;
    }

    public void Restore(RestoreTask task, CoreEntry core, SyscallBatch batch)
    {
        int tid = task.TidOf(core);
        foreach (var signal in core.ThreadCore.SignalsP?.Signals ?? [])
            batch.Call(Nr.rt_tgsigqueueinfo, task.Pid, tid, SignalQueue.Number(signal), batch.Bytes(signal.Siginfo.Span));
    }
}

/// <summary>Signals that wait for whichever thread takes them.</summary>
internal sealed class PendingSharedSignals : ITaskKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action? Ask(DumpTask task, SyscallBatch batch, DumpContext context)
    {
        task.Core.Tc.SignalsS = SignalQueue.ToEntry(task.PendingSignals);
        return null;
    }

    public void Restore(RestoreTask task, SyscallBatch batch)
    {
        foreach (var signal in task.Core.Tc.SignalsS?.Signals ?? [])
            batch.Call(Nr.rt_sigqueueinfo, task.Pid, SignalQueue.Number(signal), batch.Bytes(signal.Siginfo.Span));
    }
}

internal static class SignalQueue
{
    public static SignalQueueEntry ToEntry(List<byte[]> signals)
    {
        var queue = new SignalQueueEntry();
        foreach (byte[] info in signals)
            queue.Signals.Add(new SiginfoEntry { Siginfo = ByteString.CopyFrom(info) });
        return queue;
    }

    /// <summary>si_signo, the first member of siginfo_t.</summary>
    public static int Number(SiginfoEntry entry) => entry.Siginfo.Length == Signals.SiginfoSize
        ? BinaryPrimitives.ReadInt32LittleEndian(entry.Siginfo.Span)
        : throw new CheckpointException($"a pending signal of {entry.Siginfo.Length} bytes in the images: siginfo_t has {Signals.SiginfoSize}");
}
