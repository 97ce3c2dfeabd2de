using Criu.Images.Proto;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images.Tests;

/// <summary>What refuses, and how it is said.</summary>
public sealed class StoreErrorTests
{
    [Fact]
    public void A_directory_must_exist_be_one_and_be_writable()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("file"), "");
        Assert.Equal("ENOENT", Refusal(directory.File("none")).Error);
        Assert.Equal("ENOTDIR", Refusal(directory.File("file")).Error);
        ImageStoreException e = Refusal("/proc/self");
        Assert.Equal(("create images in the directory", "/proc/self"), (e.Operation, e.Path));
    }

    [Fact]
    public void A_read_only_file_system_is_named()
    {
        using var small = new SmallFileSystem("ro");
        ImageStoreException e = Refusal(small.Path);
        Assert.Equal("EROFS", e.Error);
        Assert.Contains("choose another directory", e.Message);
        ImageDirectory.Open(small.Path).Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_full_disk_at_the_commit_leaves_nothing(bool unnamed)
    {
        using var small = new SmallFileSystem("size=256k");
        using ImageDirectory store = ImageDirectory.Create(small.Path, sync: false, hasUnnamedFiles: unnamed);
        store.WriteSingle(ImageKind.Inventory, 0, new InventoryEntry { ImgVersion = 2 });
        using (SafeFileHandle pages = store.CreateRaw(ImageKind.Pages, 1))
            RandomAccess.Write(pages, new byte[128 << 10], 0);
        for (uint i = 0; i < 50; i++)
            store.Write($"core-{i}.img", new byte[8 << 10]);
        var e = Assert.Throws<ImageStoreException>(() => store.Commit());
        Assert.Equal(("write", "ENOSPC"), (e.Operation, e.Error));
        Assert.Contains("free space", e.Advice);
        Assert.Empty(small.Names);
        store.Dispose();
        Assert.Empty(small.Names);
    }

    [Fact]
    public void A_full_disk_while_writing_leaves_nothing()
    {
        using var small = new SmallFileSystem("size=256k");
        using (ImageDirectory store = ImageDirectory.Create(small.Path))
        {
            using ImageWriter writer = store.CreateImage(ImageKind.GhostFile, 1);
            var e = Assert.Throws<ImageStoreException>(() => writer.WritePayload(new byte[1 << 20]));
            Assert.Equal(("write", System.IO.Path.Join(small.Path, "ghost-file-1.img"), "ENOSPC"), (e.Operation, e.Path, e.Error));
        }
        Assert.Empty(small.Names);
    }

    // Every number of free inodes until the commit succeeds: whichever step it is that fails, no set without all of it.
    [Fact]
    public void Whatever_step_of_the_commit_fails_no_inventory_is_left()
    {
        for (int inodes = 2; ; inodes++)
        {
            using var small = new SmallFileSystem($"nr_inodes={inodes}");
            using ImageDirectory store = ImageDirectory.Create(small.Path);
            for (ulong i = 1; i <= 5; i++)
                store.WriteSingle(ImageKind.Pidns, i, new PidnsEntry { ExtKey = ByteString.CopyFromUtf8("x") });
            store.WriteSingle(ImageKind.Inventory, 0, new InventoryEntry { ImgVersion = 2 });
            try
            {
                store.Commit();
            }
            catch (ImageStoreException)
            {
                Assert.Empty(small.Names);
                continue;
            }
            Assert.Equal(6, small.Names.Length);
            Assert.True(inodes > 4);
            return;
        }
    }

    [Fact]
    public void What_is_no_regular_file_is_not_opened()
    {
        using var directory = new TemporaryDirectory();
        TestFiles.Run("mkfifo", directory.File("pstree.img"));
        Directory.CreateDirectory(directory.File("files.img"));
        using ImageDirectory store = ImageDirectory.Open(directory.Path);
        Assert.Contains("not a regular file", Assert.Throws<ImageFormatException>(() => store.TryOpenImage(ImageKind.Pstree)).Message);
        Assert.Contains("not a regular file", Assert.Throws<ImageFormatException>(() => store.TryOpenImage(ImageKind.Files)).Message);
    }

    [Fact]
    public void Absent_images_are_nothing_or_named()
    {
        using var directory = new TemporaryDirectory();
        using ImageDirectory store = ImageDirectory.Open(directory.Path);
        Assert.Null(store.TryOpenImage(ImageKind.Core, 5));
        Assert.Null(store.TryOpenRaw(ImageKind.Pages, 5));
        Assert.Empty(store.ReadAll<FileEntry>(ImageKind.Files));
        Assert.Contains("core-5.img: the image is missing", Assert.Throws<ImageFormatException>(() => store.OpenImage(ImageKind.Core, 5)).Message);
        Assert.Equal(directory.File("inventory.img"), Assert.Throws<ImageFormatException>(() => store.ReadSingle<InventoryEntry>(ImageKind.Inventory)).File);
    }

    private static ImageStoreException Refusal(string path) => Assert.Throws<ImageStoreException>(() => ImageDirectory.Create(path));
}
