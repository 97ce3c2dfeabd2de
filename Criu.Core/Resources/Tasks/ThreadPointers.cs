using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>The address that the kernel clears when the thread ends: set_tid_address(2). A joining thread waits there.</summary>
internal sealed class TidAddress : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Threads;

    public Action Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(1, sizeof(ulong));
        var address = batch.New<ulong>();
        batch.Call(Nr.prctl, Prctl.PR_GET_TID_ADDRESS, address.Remote);
        return () => thread.Core.ThreadInfo.ClearTidAddr = address.Value;
    }

    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream) =>
        stream.Room(1).Call(Nr.set_tid_address, (long)core.ThreadInfo.ClearTidAddr);
}

/// <summary>The list of robust mutexes: get_robust_list(2). It comes back last: an aborted restore must not mark anybody's mutex.</summary>
internal sealed class RobustList : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Last;

    public Action Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(1, 2 * sizeof(ulong));
        var head = batch.New<ulong>();
        var length = batch.New<ulong>();
        batch.Call(Nr.get_robust_list, 0L, head.Remote, length.Remote);
        return () => (thread.Core.ThreadCore.FutexRla, thread.Core.ThreadCore.FutexRlaLen) = (head.Value, (uint)length.Value);
    }

    /// <summary>Whether the thread owns robust mutexes, or is about to (struct robust_list_head: next, offset, pending).</summary>
    public static bool HasEntries(DumpThread thread)
    {
        long address = (long)thread.Core.ThreadCore.FutexRla;
        Span<long> head = stackalloc long[3];
        return address != 0 && RemoteMemory.TryRead(thread.Traced.Tid, address, MemoryMarshal.AsBytes(head)) == head.Length * sizeof(long) && (head[0] != address || head[2] != 0);
    }

    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        if (core.ThreadCore.FutexRlaLen != 0)
            stream.Room(1).Call(Nr.set_robust_list, (long)core.ThreadCore.FutexRla, core.ThreadCore.FutexRlaLen);
    }
}

/// <summary>The stack for signal handlers: sigaltstack(2).</summary>
internal sealed class AlternateStack : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Threads;

    public Action Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(1, 24);                 // sizeof(stack_t)
        var stack = batch.New<SignalStack>();
        batch.Call(Nr.sigaltstack, 0L, stack.Remote);
        return () => thread.Core.ThreadCore.Sas = new ThreadSasEntry
        {
            SsSp = (ulong)stack.Value.Sp, SsSize = (ulong)stack.Value.Size, SsFlags = (uint)stack.Value.Flags,
        };
    }

    /// <summary>SS_ONSTACK is only ever reported: the kernel derives it from the stack pointer.</summary>
    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        const uint OnStack = 1;
        if (core.ThreadCore.Sas is not { } sas)
            return;
        var stack = new SignalStack { Sp = (long)sas.SsSp, Size = (long)sas.SsSize, Flags = (int)(sas.SsFlags & ~OnStack) };
        var batch = stream.Room(1, 24);
        batch.Call(Nr.sigaltstack, batch.New(stack).Remote, 0L);
    }
}

/// <summary>The restartable-sequence area, rseq(2), as PTRACE_GET_RSEQ_CONFIGURATION shows it.</summary>
internal sealed class RestartableSequences : IThreadKind
{
    public RestoreStage Stage => RestoreStage.Threads;

    public Action? Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        if (thread.Traced.RseqAddress != 0)
            thread.Core.ThreadCore.RseqEntry = new RseqEntry
            {
                RseqAbiPointer = thread.Traced.RseqAddress, RseqAbiSize = thread.Traced.RseqSize, Signature = thread.Traced.RseqSignature,
            };
        return null;
    }

    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        if (core.ThreadCore.RseqEntry is { RseqAbiPointer: not 0 } rseq)
            stream.Room(1).Call(Nr.rseq, (long)rseq.RseqAbiPointer, rseq.RseqAbiSize, 0L, rseq.Signature);
    }
}
