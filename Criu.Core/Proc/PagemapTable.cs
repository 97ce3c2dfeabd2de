using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>
/// The search without PAGEMAP_SCAN: proc_pid_pagemap(5) itself, one 64-bit word per page.
/// <code>
/// 63       62       61             58         54-0
/// present  swapped  file or shared  guard     page frame, 0 without CAP_SYS_ADMIN
/// </code>
/// </summary>
internal sealed class PagemapTable(int pagemap)
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, File = 1UL << 61, Guard = 1UL << 58, Frame = (1UL << 55) - 1;
    private const int WordsAtOnce = 8192;           // 64 KiB, of 32 MiB of memory

    private readonly ulong[] words = GC.AllocateUninitializedArray<ulong>(WordsAtOnce);
    private readonly ulong zeroFrame = ZeroPage.FindFrame();

    public void Walk(PageRun range, List<PageRun> runs, List<PageRun> guards)
    {
        ulong none = range.Kind == PageKind.PrivateFile ? File : 0;
        for (ulong at = range.Start; at < range.End;)
        {
            var read = Read(range with { Start = at });
            if (read.IsEmpty)
                return;
            Find(read, range with { Start = at }, none, runs, guards);
            at += (ulong)read.Length * (ulong)Mman.PageSize;
        }
    }

    private ReadOnlySpan<ulong> Read(PageRun range)
    {
        int wanted = (int)Math.Min(range.Pages, WordsAtOnce);
        long bytes = ProcFile.ReadAt(pagemap, words.AsSpan(0, wanted), (long)(range.Start / (ulong)Mman.PageSize * sizeof(ulong)));
        if (Kernel.Failed(bytes))
            throw new ProcAccessException("pread", $"pagemap at {range.Start:x}-{range.End:x}", bytes);
        return words.AsSpan(0, (int)bytes / sizeof(ulong));
    }

    private void Find(ReadOnlySpan<ulong> table, PageRun range, ulong none, List<PageRun> runs, List<PageRun> guards)
    {
        for (int i = 0; i < table.Length; i++)
        {
            int empty = table[i..].IndexOfAnyExcept(0UL);           // sparse memory: whole vectors at once
            if (empty < 0)
                return;
            i += empty;
            ulong start = range.Start + (ulong)i * (ulong)Mman.PageSize;
            if ((table[i] & Guard) != 0)
                guards.Append(new(start, start + (ulong)Mman.PageSize, range.Kind));
            else if (IsWanted(table[i], none))
                runs.Append(new(start, start + (ulong)Mman.PageSize, range.Kind));
        }
    }

    private bool IsWanted(ulong word, ulong none) =>
        (word & (Present | Swapped)) != 0 && (word & none) == 0 && ((word & Present) == 0 || zeroFrame == 0 || (word & Frame) != zeroFrame);
}
