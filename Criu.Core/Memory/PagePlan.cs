using Criu.Core.Engine;
using Criu.Images;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Which pages must be written into a process, and which of its parent's it must drop. What a child inherits unchanged stays shared, copy on write: only pages
/// whose images differ are written. Everything is runs; pages are compared in the images, in large pieces.
/// </summary>
internal sealed class PagePlan
{
    private readonly PageCopier copier;

    public PagePlan(PageCopier copier) => this.copier = copier;

    /// <summary>Ascending in address.</summary>
    public List<PageWrite> Writes { get; } = [];

    public List<(ulong Start, ulong End)> Drops { get; } = [];

    public ulong Compared { get; private set; }
    public ulong Skipped { get; private set; }

    /// <summary>All pages of a range that nothing was inherited in.</summary>
    public void AddFresh(IReadOnlyList<PageRun> runs, ulong start, ulong end)
    {
        for (int i = FirstBehind(runs, start); i < runs.Count && runs[i].Address < end; i++)
            Write(runs[i], Math.Max(start, runs[i].Address), Math.Min(end, runs[i].End));
    }

    /// <summary>The pages of a range that was inherited.</summary>
    public void AddInherited(IReadOnlyList<PageRun> own, IReadOnlyList<PageRun> parent, ulong start, ulong end)
    {
        int i = FirstBehind(own, start), k = FirstBehind(parent, start);
        for (ulong at = start; at < end;)
        {
            while (i < own.Count && own[i].End <= at)
                i++;
            while (k < parent.Count && parent[k].End <= at)
                k++;
            bool isOurs = i < own.Count && own[i].Address <= at, isParents = k < parent.Count && parent[k].Address <= at;
            ulong next = Math.Min(end, Math.Min(Border(own, i, at), Border(parent, k, at)));
            if (isOurs && isParents)
                Compare(own[i], parent[k], at, next);
            else if (isOurs)
                Write(own[i], at, next);
            else if (isParents)
                Drops.Add((at, next));
            at = next;
        }
    }

    /// <summary>Where the run under way ends, or the next begins.</summary>
    private static ulong Border(IReadOnlyList<PageRun> runs, int index, ulong at) =>
        index >= runs.Count ? ulong.MaxValue : runs[index].Address <= at ? runs[index].End : runs[index].Address;

    private void Compare(PageRun own, PageRun parent, ulong start, ulong end)
    {
        long pages = (long)((end - start) / PagemapChain.PageBytes);
        Compared += (ulong)pages;
        for (long done = 0; done < pages;)
        {
            ulong at = start + (ulong)done * PagemapChain.PageBytes;
            long equal = copier.CountEqual(own.File!, OffsetOf(own, at), parent.File!, OffsetOf(parent, at), pages - done);
            Skipped += (ulong)equal;
            done += equal;
            if (done == pages)
                return;
            at += (ulong)equal * PagemapChain.PageBytes;
            Write(own, at, at + PagemapChain.PageBytes);
            done++;
        }
    }

    private void Write(PageRun run, ulong start, ulong end)
    {
        if (run.File == null)
            throw new CheckpointException($"the pages at {start:x} were left to a server of lazy pages; restoring that is not supported yet");
        var write = new PageWrite(start, end - start, run.File, OffsetOf(run, start));
        if (Writes.Count > 0 && Writes[^1].IsContinuedBy(write))
            Writes[^1] = Writes[^1] with { Length = Writes[^1].Length + write.Length };
        else
            Writes.Add(write);
    }

    /// <summary>The same writes, none longer than so many bytes.</summary>
    public static List<PageWrite> Split(List<PageWrite> writes, ulong most)
    {
        if (!writes.Exists(w => w.Length > most))
            return writes;
        var pieces = new List<PageWrite>();
        foreach (var write in writes)
            for (ulong at = 0; at < write.Length; at += most)
                pieces.Add(write with { Address = write.Address + at, Offset = write.Offset + (long)at, Length = Math.Min(most, write.Length - at) });
        return pieces;
    }

    private static long OffsetOf(PageRun run, ulong address) => run.FileOffset + (long)(address - run.Address);

    private static int FirstBehind(IReadOnlyList<PageRun> runs, ulong start)
    {
        int low = 0, high = runs.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (runs[middle].End <= start)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}

/// <summary>Bytes of an image that go to an address.</summary>
internal readonly record struct PageWrite(ulong Address, ulong Length, SafeFileHandle File, long Offset)
{
    public bool IsContinuedBy(PageWrite next) => next.File == File && next.Address == Address + Length && next.Offset == Offset + (long)Length;
}
