using CsCheck;
using Criu.Images.Proto;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images.Tests;

public sealed class PagemapChainTests : IDisposable
{
    private const PagemapFlags Present = PagemapFlags.Present, Parent = PagemapFlags.Parent, Lazy = PagemapFlags.Lazy;

    private readonly TemporaryDirectory root = new();

    public void Dispose() => root.Dispose();

    [Fact]
    public void A_dump_of_CRIU_is_one_chain()
    {
        using ImageDirectory store = ImageDirectory.Open(Path.Combine(Golden.Directory, "tiny"));
        using PagemapChain chain = PagemapChain.Open(store, ImageKind.Pagemap, 9484);
        PageRun[] runs = [.. chain.Runs()];
        Assert.Equal(16ul, chain.Validate());
        Assert.All(runs, run => Assert.Equal(PageSource.File, run.Source));
        Assert.Equal(0, runs[0].FileOffset);
        Assert.Equal(65536, runs[^1].FileOffset + (long)(runs[^1].Pages * PagemapChain.PageBytes));
        var elf = new byte[4];
        Assert.Equal(0, runs.Count(run => run.Address % PagemapChain.PageBytes != 0));
        Assert.Equal(4, RandomAccess.Read(runs[0].File!, elf, runs[0].FileOffset));
    }

    [Fact]
    public void Pages_are_found_in_the_parents()
    {
        Write("old", null, (0x1000, 4, Present), (0x9000, 1, Lazy), (0xb000, 2, Present));
        Write("middle", "../old", (0x1000, 2, Parent), (0x3000, 1, Present), (0x4000, 1, Parent), (0x9000, 1, Parent), (0xb000, 2, Parent));
        Write("new", "../middle", (0x0000, 1, Present), (0x1000, 4, Parent), (0x9000, 1, Parent), (0xc000, 1, Parent), (0xd000, 1, Present));
        Assert.Equal(
            [
                "0x0+1 new@0",
                "0x1000+2 old@0",
                "0x3000+1 middle@0",
                "0x4000+1 old@12288",
                "0x9000+1 lazy",
                "0xc000+1 old@20480",
                "0xd000+1 new@4096",
            ],
            Runs("new"));
    }

    [Fact]
    public void Runs_that_continue_each_other_are_one()
    {
        Write("a", null, (0x1000, 1, Present), (0x2000, 3, Present | Lazy), (0x5000, 1, Lazy), (0x6000, 2, Lazy), (0x9000, 1, Present));
        Assert.Equal(["0x1000+4 a@0", "0x5000+3 lazy", "0x9000+1 a@16384"], Runs("a"));
    }

    [Fact]
    public void Old_pagemaps_are_understood()
    {
        WriteRaw("a", 2, new PagemapEntry { Vaddr = 0x1000, CompatNrPages = 2 });
        Assert.Equal(["0x1000+2 a@0"], Runs("a"));
        WriteRaw("b", 0, new PagemapEntry { Vaddr = 0x1000, CompatNrPages = 2, InParent = true });
        Link("b", "../a");
        Assert.Equal(["0x1000+2 a@0"], Runs("b"));
    }

    [Fact]
    public void Nothing_there_is_null_or_named()
    {
        using ImageDirectory store = ImageDirectory.Open(root.Path);
        Assert.Null(PagemapChain.TryOpen(store, ImageKind.Pagemap, 7));
        Assert.Contains("pagemap-shmem-7.img: the image is missing", Assert.Throws<ImageFormatException>(() => PagemapChain.Open(store, ImageKind.ShmemPagemap, 7)).Message);
    }

    [Theory]
    [InlineData(0x1001, 1, 4, "is not the start of a page")]
    [InlineData(0x1000, 3, 4, "are not in the pages image 1: it has 8192 bytes")]
    [InlineData(0x1000, ulong.MaxValue / 2, 4, "beyond all addresses")]
    [InlineData(0x1000, 0xffffffffffffful, 4, "beyond all addresses")]
    [InlineData(0x1000, 1, 0, "do not say where")]
    [InlineData(0x1000, 1, 1, "there is no link 'parent'")]
    public void Impossible_entries_are_refused(ulong address, ulong pages, uint flags, string problem)
    {
        WriteRaw("a", 2, new PagemapEntry { Vaddr = address, CompatNrPages = 0, NrPages = pages, Flags = flags });
        ImageFormatException e = Assert.Throws<ImageFormatException>(() => Runs("a"));
        Assert.Contains(problem, e.Message);
        Assert.EndsWith("pagemap-7.img", e.File);
    }

    [Fact]
    public void Entries_that_overlap_or_descend_are_refused()
    {
        WriteRaw("a", 4, Entry(0x1000, 2), Entry(0x2000, 1));
        Assert.Contains("lies before the end", Assert.Throws<ImageFormatException>(() => Runs("a")).Message);
        WriteRaw("b", 4, Entry(0x5000, 1), Entry(0x1000, 1));
        Assert.Contains("lies before the end", Assert.Throws<ImageFormatException>(() => Runs("b")).Message);
    }

    [Fact]
    public void A_page_that_no_parent_has_is_refused()
    {
        Write("old", null, (0x1000, 2, Present), (0x4000, 1, Present));
        Write("new", "../old", (0x2000, 2, Parent));
        Assert.Contains("0x3000 is not in the parent images", Assert.Throws<ImageFormatException>(() => Runs("new")).Message);
    }

    [Fact]
    public void A_missing_pages_image_or_parent_pagemap_is_named()
    {
        Write("old", null, (0x1000, 1, Present));
        File.Delete(root.File("old/pages-1.img"));
        Assert.EndsWith("old/pages-1.img", Assert.Throws<ImageFormatException>(() => Runs("old")).File);
        Write("new", "../old", (0x1000, 1, Parent));
        File.Delete(root.File("old/pagemap-7.img"));
        Assert.EndsWith("old/pagemap-7.img", Assert.Throws<ImageFormatException>(() => Runs("new")).File);
    }

    [Fact]
    public void A_circle_of_parents_is_refused()
    {
        Write("a", "../b", (0x1000, 1, Parent));
        Write("b", "../c", (0x1000, 1, Parent));
        Write("c", "../b", (0x1000, 1, Parent));
        Assert.Contains("in a circle", Assert.Throws<ImageFormatException>(() => Runs("a")).Message);
        Write("self", ".", (0x1000, 1, Parent));
        Assert.Contains("in a circle", Assert.Throws<ImageFormatException>(() => Runs("self")).Message);
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_an_error()
    {
        Write("a", "../gone", (0x1000, 1, Parent));
        ImageStoreException e = Assert.Throws<ImageStoreException>(() => Runs("a"));
        Assert.Equal("ENOENT", e.Error);
        Assert.EndsWith("a/parent", e.Path);
    }

    [Fact]
    public void The_writer_refuses_what_a_reader_would()
    {
        using ImageDirectory store = ImageDirectory.Create(root.Path);
        using var writer = new PagemapWriter(store, ImageKind.Pagemap, 7, 1);
        writer.Write(0x1000, 2, Present);
        Assert.Throws<ArgumentException>(() => writer.Write(0x2000, 1, Present));
        Assert.Throws<ArgumentException>(() => writer.Write(0x8001, 1, Present));
        Assert.Throws<ArgumentException>(() => writer.Write(0x8000, 1, PagemapFlags.None));
    }

    [Fact]
    public void An_uncommitted_parent_link_goes_away()
    {
        using (ImageDirectory store = ImageDirectory.Create(root.Path))
        {
            store.LinkParent(".");
            Assert.Equal(Path.GetFullPath(root.Path), store.OpenParent()!.Location);
        }
        Assert.Empty(root.Names);
    }

    // Three dumps in a row of a memory of 64 pages: every page must come from where its last write is.
    [Fact]
    public void Random_chains_lead_to_the_last_write_of_every_page() => Gen.ULong.Sample(
        seed =>
        {
            using var place = new TemporaryDirectory();
            var random = new Random(seed.GetHashCode());
            var last = new string?[64];
            for (int level = 0; level < 3; level++)
                DumpAtRandom(place, level, last, random);
            var found = new string?[64];
            using ImageDirectory store = ImageDirectory.Open(place.File("2"));
            using PagemapChain chain = PagemapChain.Open(store, ImageKind.Pagemap, 7);
            foreach (PageRun run in chain.Runs())
                for (ulong i = 0; i < run.Pages; i++)
                    found[(run.Address / 4096) + i] = ReadName(run.File!, run.FileOffset + (long)(i * 4096));
            Assert.Equal(last, found);
        },
        iter: 60,
        threads: 1);

    private static void DumpAtRandom(TemporaryDirectory place, int level, string?[] last, Random random)
    {
        Directory.CreateDirectory(place.File(level.ToString()));
        using ImageDirectory store = ImageDirectory.Create(place.File(level.ToString()));
        if (level > 0)
            store.LinkParent($"../{level - 1}");
        using SafeFileHandle pages = store.CreateRaw(ImageKind.Pages, 1);
        using (var writer = new PagemapWriter(store, ImageKind.Pagemap, 7, 1))
            for (int page = 0, used = 0; page < last.Length; page++)
                switch (random.Next(3))
                {
                    case 0:
                        last[page] = null;
                        break;
                    case 1 when last[page] is not null:
                        writer.Write((ulong)page * 4096, 1, Parent);
                        break;
                    default:
                        last[page] = $"{level}:{page}";
                        RandomAccess.Write(pages, System.Text.Encoding.ASCII.GetBytes(last[page]!.PadRight(4096)), used++ * 4096L);
                        writer.Write((ulong)page * 4096, 1, Present);
                        break;
                }
        store.Commit();
    }

    private static string ReadName(SafeFileHandle file, long offset)
    {
        var bytes = new byte[4096];
        RandomAccess.Read(file, bytes, offset);
        return System.Text.Encoding.ASCII.GetString(bytes).TrimEnd();
    }

    private static PagemapEntry Entry(ulong address, ulong pages) => new() { Vaddr = address, CompatNrPages = 0, NrPages = pages, Flags = (uint)Present };

    private void Write(string name, string? parent, params (ulong Address, ulong Pages, PagemapFlags Flags)[] entries)
    {
        ulong present = 0;
        foreach ((_, ulong pages, PagemapFlags flags) in entries)
            present += (flags & Present) != 0 ? pages : 0;
        WriteRaw(name, (long)present, [.. entries.Select(e => new PagemapEntry { Vaddr = e.Address, CompatNrPages = 0, NrPages = e.Pages, Flags = (uint)e.Flags })]);
        if (parent is not null)
            Link(name, parent);
    }

    private void WriteRaw(string name, long pages, params PagemapEntry[] entries)
    {
        string path = root.File(name);
        Directory.CreateDirectory(path);
        byte[][] messages = [new PagemapHead { PagesId = 1 }.ToByteArray(), .. entries.Select(e => e.ToByteArray())];
        File.WriteAllBytes(Path.Combine(path, "pagemap-7.img"), ReaderTests.Image(ImageKind.Pagemap, messages));
        File.WriteAllBytes(Path.Combine(path, "pages-1.img"), new byte[pages * 4096]);
    }

    private void Link(string name, string parent)
    {
        using ImageDirectory store = ImageDirectory.Create(root.File(name));
        store.LinkParent(parent);
        store.Commit();
    }

    private string[] Runs(string name)
    {
        using ImageDirectory store = ImageDirectory.Open(root.File(name));
        using PagemapChain chain = PagemapChain.Open(store, ImageKind.Pagemap, 7);
        return [.. chain.Runs().Select(run => $"0x{run.Address:x}+{run.Pages} {(run.File is null ? "lazy" : $"{DirectoryOf(run.File)}@{run.FileOffset}")}")];
    }

    private static string DirectoryOf(SafeFileHandle file) => Path.GetFileName(Path.GetDirectoryName(FileCalls.PathOf(file)))!;
}
