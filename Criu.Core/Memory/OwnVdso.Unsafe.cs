using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Linux.Abi;

namespace Criu.Core.Memory;

/// <summary>The vDSO of this kernel, which every 64-bit process gets. A program may have its functions' addresses in registers and tables, so it must be the one that was dumped.</summary>
internal sealed class OwnVdso
{
    private readonly ulong start;
    private readonly long codeSize;

    private OwnVdso(ulong start, long codeSize, long dataSize) => (this.start, this.codeSize, DataSize) = (start, codeSize, dataSize);

    /// <summary>Bytes of data pages ([vvar] and its like) right before the code.</summary>
    public long DataSize { get; }

    public static OwnVdso Read()
    {
        var vmas = new List<Vma>();
        if (!ProcDirectory.TryOpen(Environment.ProcessId, out var self))
            throw new CheckpointException("/proc/self cannot be opened", "Mount /proc");
        using (self)
            VmaFiles.TryReadMaps(self, new ProcText(), vmas);
        ulong dataStart = ulong.MaxValue;
        foreach (var vma in vmas)
            if (vma.IsVvar)
                dataStart = Math.Min(dataStart, vma.Start);
            else if (vma.IsVdso)
                return new OwnVdso(vma.Start, (long)vma.Length, dataStart < vma.Start ? (long)(vma.Start - dataStart) : 0);
        throw new CheckpointException("this process has no vDSO", "Boot without vdso=0");
    }

    public unsafe void DemandSame(RestoreTask task, ulong theirStart, IReadOnlyList<Images.PageRun> runs, PageCopier copier)
    {
        foreach (var vma in task.Mm.Vmas)
            if ((vma.Status & VmaStatus.Vdso) != 0 && (long)(vma.End - vma.Start) != codeSize
                || (vma.Status & VmaStatus.Vvar) != 0 && ((long)(vma.End - vma.Start) != DataSize || vma.End != theirStart))
                throw OtherKernel(task);
        foreach (var run in runs)
            for (ulong page = 0; page < run.Pages; page++)
            {
                ulong address = run.Address + page * PagemapChain.PageBytes;
                if (address < theirStart || address >= theirStart + (ulong)codeSize || run.File == null)
                    break;
                var ours = new ReadOnlySpan<byte>((byte*)start + (address - theirStart), (int)Mman.PageSize);
                if (!copier.ReadPage(run.File, run.FileOffset + (long)(page * PagemapChain.PageBytes)).SequenceEqual(ours))
                    throw OtherKernel(task);
            }
    }

    private static CheckpointException OtherKernel(RestoreTask task) =>
        new($"{task} was dumped under another kernel: its vDSO differs from ours; this is not supported yet", "Restore under the kernel of the dump");
}
