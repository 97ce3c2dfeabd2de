using Criu.Core.Engine;
using Linux.Abi;

namespace Criu.Core.Memory;

/// <summary>
/// PR_SET_MM_MAP, all borders at once: the single forms need CAP_SYS_RESOURCE. While it runs, no mapping of the old program may be left (EBUSY), and RLIMIT_DATA is
/// still ours.
/// </summary>
internal static class AddressBorders
{
    private const int ExeOffset = MmMap.Size - sizeof(int);

    public static void Set(RestoreTask task, BatchStream stream)
    {
        var mm = task.Mm;
        var exe = task.Context.RegularFile(mm.ExeFileId);
        bool inherited = task.Parent != null && task.Parent.Mm.ExeFileId == mm.ExeFileId;
        var batch = stream.Room(5, MmMap.Size + mm.MmSavedAuxv.Count * 8L + exe.Name.Length + 64);
        var auxv = batch.NewArray<ulong>(mm.MmSavedAuxv.Count);
        for (int i = 0; i < mm.MmSavedAuxv.Count; i++)
            auxv.Span[i] = mm.MmSavedAuxv[i];
        var map = batch.New(new MmMap
        {
            StartCode = (long)mm.MmStartCode, EndCode = (long)mm.MmEndCode, StartData = (long)mm.MmStartData, EndData = (long)mm.MmEndData,
            StartBrk = (long)mm.MmStartBrk, Brk = (long)mm.MmBrk, StartStack = (long)mm.MmStartStack, ArgStart = (long)mm.MmArgStart, ArgEnd = (long)mm.MmArgEnd,
            EnvStart = (long)mm.MmEnvStart, EnvEnd = (long)mm.MmEnvEnd, Auxv = auxv.Remote, AuxvSize = (uint)auxv.Bytes, ExeFd = -1,
        });
        if (inherited)
        {
            batch.Call(Nr.prctl, Prctl.PR_SET_MM, Prctl.PR_SET_MM_MAP, map.Remote, MmMap.Size, 0L);
            return;
        }
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes([.. exe.Name.Span, 0]), Fcntl.O_RDONLY);
        batch.Copy(map.Remote + ExeOffset, fd.Remote, sizeof(int));
        batch.Call(Nr.prctl, Prctl.PR_SET_MM, Prctl.PR_SET_MM_MAP, map.Remote, MmMap.Size, 0L);
        batch.Call(Nr.close, fd);
    }
}
