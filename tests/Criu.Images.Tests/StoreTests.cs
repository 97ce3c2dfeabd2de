using Criu.Images.Proto;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images.Tests;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class StoreTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static InventoryEntry Inventory => new() { ImgVersion = 2 };

    private static UtsnsEntry Uts(string name) => new() { Nodename = ByteString.CopyFromUtf8(name), Domainname = ByteString.Empty };

    public void Dispose() => directory.Dispose();

    // Whatever kills the writer at this instant leaves what the directory shows: nothing.
    [Theory]
    [InlineData(true, new string[0])]
    [InlineData(false, new[] { ".core-2.img.partial", ".pages-1.img.partial" })]
    public void Nothing_has_a_name_before_the_commit(bool unnamed, string[] visible)
    {
        using (ImageDirectory store = ImageDirectory.Create(directory.Path, sync: false, hasUnnamedFiles: unnamed))
        {
            WriteSet(store, "a");
            Assert.Equal(visible, directory.Names);
        }
        Assert.Empty(directory.Names);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void A_commit_shows_all_and_replaces_older_ones(bool unnamed, bool sync)
    {
        foreach (string name in new[] { "first", "second" })
        {
            using ImageDirectory store = ImageDirectory.Create(directory.Path, sync, unnamed);
            WriteSet(store, name);
            store.Commit();
        }
        Assert.Equal(["core-2.img", "inventory.img", "pages-1.img", "utsns-3.img"], directory.Names);
        using ImageDirectory read = ImageDirectory.Open(directory.Path);
        Assert.Equal(2u, read.ReadSingle<InventoryEntry>(ImageKind.Inventory).ImgVersion);
        Assert.Equal(Uts("second"), read.ReadSingle<UtsnsEntry>(ImageKind.Utsns, 3));
        using SafeFileHandle pages = read.TryOpenRaw(ImageKind.Pages, 1)!;
        Assert.Equal(4096, RandomAccess.GetLength(pages));
        Assert.Equal(100_000, read.OpenAndMeasure(ImageKind.Core, 2));
    }

    [Fact]
    public void Of_an_older_set_nothing_stays_that_the_new_one_could_be_taken_to_have()
    {
        foreach (string other in new[] { "memfd.img", "cpuinfo.img", "core-99.img", "stats-dump", "notes.txt" })
            File.WriteAllText(Path.Combine(directory.Path, other), "old");
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        WriteSet(store, "a");
        Assert.Contains("memfd.img", directory.Names);
        store.Commit();
        Assert.Equal(["core-2.img", "core-99.img", "cpuinfo.img", "inventory.img", "notes.txt", "pages-1.img", "stats-dump", "utsns-3.img"], directory.Names);
    }

    [Fact]
    public void Images_are_for_their_owner_only()
    {
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        WriteSet(store, "a");
        store.Commit();
        foreach (string name in directory.Names)
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory.File(name)));
    }

    [Fact]
    public void An_older_set_stays_whole_until_the_commit()
    {
        using (ImageDirectory store = ImageDirectory.Create(directory.Path))
        {
            WriteSet(store, "old");
            store.Commit();
        }
        using (ImageDirectory store = ImageDirectory.Create(directory.Path))
            WriteSet(store, "new");
        using ImageDirectory read = ImageDirectory.Open(directory.Path);
        Assert.Equal(Uts("old"), read.ReadSingle<UtsnsEntry>(ImageKind.Utsns, 3));
        Assert.True(read.ReadSingle<InventoryEntry>(ImageKind.Inventory).HasImgVersion);
    }

    [Fact]
    public void A_commit_without_inventory_leaves_an_older_one()
    {
        File.WriteAllText(directory.File("inventory.img"), "old");
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        store.WriteSingle(ImageKind.Stats, ImageCatalog.StatsOfDump, new StatsEntry());
        store.Commit();
        Assert.Equal(["inventory.img", "stats-dump"], directory.Names);
    }

    [Fact]
    public void A_failed_commit_leaves_neither_the_old_inventory_nor_new_images()
    {
        File.WriteAllText(directory.File("inventory.img"), "old");
        Directory.CreateDirectory(directory.File("utsns-3.img"));   // cannot be replaced by a file
        using (ImageDirectory store = ImageDirectory.Create(directory.Path))
        {
            WriteSet(store, "a");
            var e = Assert.Throws<ImageStoreException>(() => store.Commit());
            Assert.Equal(("remove", directory.File("utsns-3.img"), "EISDIR"), (e.Operation, e.Path, e.Error));
            Assert.Equal(["utsns-3.img"], directory.Names);
        }
        Assert.Equal(["utsns-3.img"], directory.Names);
    }

    [Fact]
    public void Another_name_of_an_older_image_keeps_its_content()
    {
        File.WriteAllText(directory.File("other"), "kept");
        TestFiles.Link(directory.File("other"), directory.File("utsns-3.img"));
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        WriteSet(store, "a");
        store.Commit();
        Assert.Equal("kept", File.ReadAllText(directory.File("other")));
    }

    [Fact]
    public void The_handle_of_a_raw_image_can_be_closed_early()
    {
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        using (SafeFileHandle pages = store.CreateRaw(ImageKind.Pages, 7))
            RandomAccess.Write(pages, "content"u8, 0);
        store.Commit();
        Assert.Equal("content", File.ReadAllText(directory.File("pages-7.img")));
    }

    [Fact]
    public void Many_images_in_memory_spill_to_files()
    {
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        var content = new byte[60 << 10];
        for (int i = 0; i < 200; i++)
            store.Write($"x{i}", content);
        store.Commit();
        Assert.Equal(200, directory.Names.Length);
        Assert.All(directory.Names, name => Assert.Equal(content.Length, new FileInfo(directory.File(name)).Length));
    }

    [Fact]
    public void Writing_twice_or_strangely_is_refused()
    {
        using ImageDirectory store = ImageDirectory.Create(directory.Path);
        store.Write("a", "x"u8);
        Assert.Throws<InvalidOperationException>(() => store.Write("a", "y"u8));
        Assert.Throws<InvalidOperationException>(() => store.Create("a"));
        Assert.Throws<ArgumentException>(() => store.Create("../a"));
        Assert.Throws<ArgumentException>(() => store.Write("..", "x"u8));
        Assert.Throws<ArgumentException>(() => store.CreateRaw(ImageKind.Core, 1));
        Assert.Throws<ArgumentException>(() => store.CreateImage(ImageKind.Pages, 1));
        using ImageDirectory read = ImageDirectory.Open(directory.Path);
        Assert.Throws<InvalidOperationException>(() => read.Write("b", "x"u8));
    }

    private static void WriteSet(ImageDirectory store, string name)
    {
        store.WriteSingle(ImageKind.Inventory, 0, Inventory);
        store.WriteSingle(ImageKind.Utsns, 3, Uts(name));
        using SafeFileHandle pages = store.CreateRaw(ImageKind.Pages, 1);
        RandomAccess.Write(pages, new byte[4096], 0);
        store.Write("core-2.img", new byte[100_000]);
    }
}
