using System.Buffers.Binary;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>
/// Signals that wait: PTRACE_PEEKSIGINFO reads both queues from outside, as late as can be, as signals come in while the process is held, too. They are sent back by
/// the task itself, as the kernel lets only oneself send a siginfo that claims to come from somebody else (si_code ≥ 0).
/// </summary>
internal sealed class PendingThreadSignals : IThreadKind, ILateThreadKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action? Ask(DumpThread thread, BatchStream stream, DumpContext context) => null;

    public void Collect(DumpThread thread, TaskStatus now) =>
        thread.Core.ThreadCore.SignalsP = SignalQueue.Read(thread, shared: false, now.SignalsPending != 0);

    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        int tid = task.TidOf(core);
        foreach (var signal in core.ThreadCore.SignalsP?.Signals ?? [])
        {
            var batch = stream.Room(1, Signals.SiginfoSize);
            batch.Call(Nr.rt_tgsigqueueinfo, task.Pid, tid, SignalQueue.Number(signal), batch.Bytes(signal.Siginfo.Span));
        }
    }
}

/// <summary>Signals that wait for whichever thread takes them.</summary>
internal sealed class PendingSharedSignals : ITaskKind, ILateTaskKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action? Ask(DumpTask task, BatchStream stream, DumpContext context) => null;

    public void Collect(DumpTask task, TaskStatus now) =>
        task.Core.Tc.SignalsS = SignalQueue.Read(task.Leader, shared: true, now.SignalsPendingShared != 0);

    public void Restore(RestoreTask task, BatchStream stream)
    {
        foreach (var signal in task.Core.Tc.SignalsS?.Signals ?? [])
        {
            var batch = stream.Room(1, Signals.SiginfoSize);
            batch.Call(Nr.rt_sigqueueinfo, task.Pid, SignalQueue.Number(signal), batch.Bytes(signal.Siginfo.Span));
        }
    }
}

internal static class SignalQueue
{
    public static SignalQueueEntry Read(DumpThread thread, bool shared, bool hasSome)
    {
        var queue = new SignalQueueEntry();
        if (hasSome)
            foreach (byte[] info in thread.Task.Tracee!.PendingSignals(thread.Traced, shared))
                queue.Signals.Add(new SiginfoEntry { Siginfo = ByteString.CopyFrom(info) });
        return queue;
    }

    /// <summary>Whether a signal waits in the images that did not wait when the process had just been stopped.</summary>
    /// <param name="task">The process; its queues have been read.</param>
    /// <param name="number">The signal.</param>
    /// <param name="code">si_code: who sent it.</param>
    /// <param name="timer">For SI_TIMER, the timer's id.</param>
    public static bool HasCome(DumpTask task, int number, int code, int? timer = null)
    {
        static bool Waited(ulong pending, int number) => (pending >> (number - 1) & 1) != 0;
        if (Holds(task.Core.Tc.SignalsS, number, code, timer) && !Waited(task.Leader.Status.SignalsPendingShared, number))
            return true;
        foreach (var thread in task.Threads)
            if (Holds(thread.Core.ThreadCore.SignalsP, number, code, timer) && !Waited(thread.Status.SignalsPending, number))
                return true;
        return false;
    }

    private static bool Holds(SignalQueueEntry queue, int number, int code, int? timer)
    {
        const int Code = 8, TimerId = 16;               // bytes from the start of siginfo_t to si_code and si_timerid
        foreach (var signal in queue.Signals)
            if (Number(signal) == number && BinaryPrimitives.ReadInt32LittleEndian(signal.Siginfo.Span[Code..]) == code
                && (timer == null || BinaryPrimitives.ReadInt32LittleEndian(signal.Siginfo.Span[TimerId..]) == timer))
                return true;
        return false;
    }

    /// <summary>si_signo, the first member of siginfo_t.</summary>
    public static int Number(SiginfoEntry entry) => entry.Siginfo.Length == Signals.SiginfoSize
        ? BinaryPrimitives.ReadInt32LittleEndian(entry.Siginfo.Span)
        : throw new CheckpointException($"a pending signal of {entry.Siginfo.Length} bytes in the images: siginfo_t has {Signals.SiginfoSize}");
}
