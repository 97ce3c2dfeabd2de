using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Core.Resources.Files;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Memory;

/// <summary>What PR_SET_MM_MAP sets: the borders of code, data, heap, stack, arguments and environment, the auxiliary vector, and the program behind /proc/P/exe.</summary>
internal static class AddressLayout
{
    public static Action Ask(DumpTask task, SyscallBatch batch, DumpContext context)
    {
        var brk = batch.Call(Nr.brk, 0L);
        var (mm, stat) = (task.Mm, task.Stat);
        (mm.MmStartCode, mm.MmEndCode, mm.MmStartData, mm.MmEndData) = (stat.StartCode, stat.EndCode, stat.StartData, stat.EndData);
        (mm.MmStartStack, mm.MmStartBrk) = (stat.StartStack, stat.StartBrk);
        (mm.MmArgStart, mm.MmArgEnd, mm.MmEnvStart, mm.MmEnvEnd) = (stat.ArgStart, stat.ArgEnd, stat.EnvStart, stat.EnvEnd);
        mm.MmSavedAuxv.AddRange(ReadAuxv(task, context));
        mm.ExeFileId = ExeId(task, context);
        return () => mm.MmBrk = (ulong)brk.Value;
    }

    /// <summary>CRIU keeps what lies before the pair AT_NULL, which ends the vector.</summary>
    private static ulong[] ReadAuxv(DumpTask task, DumpContext context)
    {
        if (!task.Proc.TryRead("auxv"u8, context.Text))
            throw new CheckpointException($"the auxiliary vector of {task} cannot be read: it is gone");
        ulong[] words = ProcValues.ParseAuxv(context.Text);
        int pairs = 0;
        while (pairs * 2 + 1 < words.Length && words[pairs * 2] != 0)
            pairs++;
        return words[..(pairs * 2)];
    }

    private static uint ExeId(DumpTask task, DumpContext context)
    {
        if (!task.Proc.TryReadLink("exe"u8, out var path) || !OpenFile.TryStat(task.Proc.Fd, "exe\0"u8, out var stat))
            throw new CheckpointException($"the program of {task} cannot be seen: /proc/{task.Pid}/exe");
        return context.Files.IdOfPath(task, path, Fcntl.O_RDONLY, stat, "the program");
    }
}
