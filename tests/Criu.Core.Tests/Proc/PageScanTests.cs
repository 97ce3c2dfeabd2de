using System.Diagnostics;
using Criu.Core.Proc;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Tests.Proc;

public sealed class PageScanTests : IDisposable
{
    private readonly SafeFileHandle pagemap = Open("/proc/self/pagemap");

    private static SafeFileHandle Open(string path)
    {
        long fd = Kernel.Open(path, Fcntl.O_RDONLY);
        Assert.False(Kernel.Failed(fd), $"{path}: {Errno.Name(fd)}");
        return Kernel.Own(fd);
    }

    public void Dispose() => pagemap.Dispose();

    /// <summary>All means that this kernel has; the table always works.</summary>
    private static IEnumerable<PageScanSupport> Means(int fd) =>
        Enum.GetValues<PageScanSupport>().Where(support => support <= PageScan.Probe(fd));

    private void Expect(OwnMemory memory, PageKind kind, IEnumerable<int> pages, IEnumerable<PageScanSupport>? means = null)
    {
        List<PageRun> expected = [];
        foreach (int page in pages)
            expected.Append(new(memory[page], memory[page + 1], kind));
        foreach (var support in means ?? Means(pagemap.Fd()))
        {
            var scan = new PageScan(pagemap.Fd(), support);
            List<PageRun> runs = [];
            scan.Scan(memory.Start, memory.End, kind, runs);
            Assert.True(expected.SequenceEqual(runs), $"{support}: {runs.Count} runs for {expected.Count}");
            Assert.Equal((ulong)memory.Pages, scan.PagesScanned);
        }
    }

    [Fact]
    public void ThisKernelHasThemAll()
    {
        Assert.True(PageScan.IsSupported(pagemap.Fd()));
        using var other = Open("/proc/self/maps");
        Assert.False(PageScan.IsSupported(other.Fd()));
    }

    [Fact]
    public void AnonymousPagesThatWereWritten()
    {
        using var memory = new OwnMemory(64);
        foreach (int page in (int[])[0, 3, 4, 5, 63])
            memory.Write(page);

        Expect(memory, PageKind.Anonymous, [0, 3, 4, 5, 63]);
    }

    [Fact]
    public void NothingInMemoryThatWasNotTouched()
    {
        using var memory = new OwnMemory(1 << 16);

        Expect(memory, PageKind.Anonymous, []);
    }

    [Fact]
    public void ZeroPagesAreNotContents()
    {
        using var memory = new OwnMemory(16);
        memory.Write(2);
        for (int page = 0; page < 16; page++)
            memory.Read(page);

        Expect(memory, PageKind.Anonymous, [2]);
    }

    [Fact]
    public void GuardPagesAreNotContents()
    {
        using var memory = new OwnMemory(16);
        for (int page = 0; page < 16; page++)
            memory.Write(page);
        Assert.SkipUnless(memory.TryGuard(5), "no MADV_GUARD_INSTALL (before Linux 6.13)");

        Expect(memory, PageKind.Anonymous, Enumerable.Range(0, 16).Where(page => page != 5), [PageScanSupport.None, PageScanSupport.Full]);
    }

    [Fact]
    public void MoreRunsThanOneCallReturns()
    {
        using var memory = new OwnMemory(10001);
        for (int page = 0; page < memory.Pages; page += 2)
            memory.Write(page);

        Expect(memory, PageKind.Anonymous, Enumerable.Range(0, 5001).Select(i => 2 * i));
    }

    [Fact]
    public void OfAFileOnlyTheCopies()
    {
        using var file = new TemporaryFile(16);
        using var memory = new OwnMemory(16, flags: Mman.MAP_PRIVATE, fd: file.Fd);
        for (int page = 0; page < 16; page++)
            memory.Read(page);
        memory.Write(2);
        memory.Write(3);
        memory.Write(15);

        Expect(memory, PageKind.PrivateFile, [2, 3, 15]);
    }

    [Fact]
    public void AWalkGoesOverHolesAndIntoTheNextMapping()
    {
        using var memory = new OwnMemory(32);
        for (int page = 0; page < 32; page++)
            memory.Write(page);
        memory.Unmap(8, 4);
        var vmas = new List<Vma> { Private(memory[0], memory[8]), Private(memory[12], memory[20]), Private(memory[20], memory[32]) };

        foreach (var support in Means(pagemap.Fd()))
        {
            var scan = new PageScan(pagemap.Fd(), support);
            List<PageRun> runs = [];
            scan.Scan(vmas, runs);
            Assert.Equal([new(memory[0], memory[8], PageKind.Anonymous), new(memory[12], memory[32], PageKind.Anonymous)], runs);
            Assert.Equal(28UL, scan.PagesScanned);
        }
    }

    private static Vma Private(ulong start, ulong end) =>
        new() { Start = start, End = end, Offset = 0, Device = 0, Inode = 0, IsShared = false, Name = default, Protection = 3 };

    [Fact]
    public void TheVdsoIsTakenWholeAndKindsAreKeptApart()
    {
        using var memory = new OwnMemory(4);
        memory.Write(1);
        var vdso = Private(memory[2], memory[4]) with { Name = KernelPath.Of("[vdso]") };
        List<PageRun> runs = [];
        new PageScan(pagemap.Fd()).Scan([Private(memory[0], memory[2]), vdso], runs);

        Assert.Equal([new(memory[1], memory[2], PageKind.Anonymous), new(memory[2], memory[4], PageKind.Whole)], runs);
    }

    [Fact]
    public void SharedAndDeviceMemoryIsPassedOver()
    {
        var plain = Private(0x1000, 0x2000);

        Assert.Equal(PageKind.Anonymous, PageFilter.KindOf(plain));
        Assert.Equal(PageKind.PrivateFile, PageFilter.KindOf(plain with { Device = 1 }));
        Vma[] outside =
        [
            plain with { IsShared = true }, plain with { Name = KernelPath.Of("[vvar]") }, plain with { Name = KernelPath.Of("[vsyscall]") },
            plain with { Flags = VmaFlags.Io }, plain with { Flags = VmaFlags.PfnMap },
        ];
        Assert.All(outside, vma => Assert.Equal(PageKind.None, PageFilter.KindOf(vma)));
    }

    [Fact]
    public void ScanAndTableAgreeOnAnotherProcess()
    {
        using var child = Process.Start(new ProcessStartInfo("sleep", "60"))!;
        try
        {
            Assert.True(Tasks.SleepsInside(child.Id, "sleep"));
            Assert.True(ProcDirectory.TryOpen(child.Id, out var directory));
            using var owned = directory;
            List<Vma> vmas = [];
            Assert.True(VmaFiles.TryReadSmaps(directory, new(), vmas));
            Assert.True(directory.TryOpenAt("pagemap"u8, Fcntl.O_RDONLY, out var table));
            using var opened = table;

            var results = Means(table.Fd()).Select(support => ScanAll(new(table.Fd(), support), vmas)).ToList();
            Assert.NotEmpty(results[0].Runs);
            Assert.All(results, result => Assert.Equal(results[0].Runs, result.Runs));
            Assert.All(results, result => Assert.Equal(results[0].Scanned, result.Scanned));
        }
        finally
        {
            child.Kill();
        }
    }

    private static (List<PageRun> Runs, ulong Scanned) ScanAll(PageScan scan, List<Vma> vmas)
    {
        List<PageRun> runs = [];
        scan.Scan(vmas, runs);
        return (runs, scan.PagesScanned);
    }

    [Fact]
    public void NothingIsAllocatedPerPage()
    {
        using var memory = new OwnMemory(4096);
        for (int page = 0; page < memory.Pages; page++)
            memory.Write(page);
        foreach (var support in Means(pagemap.Fd()))
        {
            var scan = new PageScan(pagemap.Fd(), support);
            var runs = new List<PageRun>(16);
            scan.Scan(memory.Start, memory.End, PageKind.Anonymous, runs);
            runs.Clear();
            long before = GC.GetAllocatedBytesForCurrentThread();
            scan.Scan(memory.Start, memory.End, PageKind.Anonymous, runs);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Fact]
    public void AnErrorNamesTheCallAndTheReason()
    {
        using var memory = new OwnMemory(1);
        var e = Assert.Throws<ProcAccessException>(() => new PageScan(pagemap.Fd()).Scan(memory.Start + 1, memory.End, PageKind.Anonymous, []));

        Assert.Equal(Errno.EINVAL, e.Error);
        Assert.Contains("PAGEMAP_SCAN", e.Message);
    }
}
