using Google.Protobuf;

namespace Criu.Images.Tests;

public sealed class CatalogTests
{
    [Fact]
    public void The_order_is_that_of_the_kinds()
    {
        Assert.Equal(Enum.GetValues<ImageKind>(), ImageCatalog.All.Select(f => f.Kind));
        Assert.Equal(85, ImageCatalog.All.Count);
    }

    [Fact]
    public void Names_and_patterns_are_unique()
    {
        Assert.Distinct(ImageCatalog.All.Select(f => f.Name));
        Assert.Distinct(ImageCatalog.All.Select(f => f.Pattern));
    }

    [Fact]
    public void Magics_are_shared_only_where_the_name_tells()
    {
        string[] shared = [.. ImageCatalog.All.Where(f => !f.IsRaw).GroupBy(f => f.Magic).Where(g => g.Count() > 1).Select(g => string.Join(' ', g.Select(f => f.Kind)))];
        Assert.Equal(["Pagemap ShmemPagemap", "BinfmtMiscOld BinfmtMisc", "Signal Psignal"], shared);
    }

    [Fact]
    public void Every_name_is_parsed_back()
    {
        foreach (ImageFormat format in ImageCatalog.All)
            foreach (ulong number in format.HasNumber ? new ulong[] { 0, 1, 0x7fffffff } : [0])
            {
                if (format.Kind == ImageKind.Stats && number > 1)
                    continue;
                string name = format.FileName(number);
                Assert.True(ImageCatalog.TryParseFileName(name, out ImageFormat? found, out ulong back), name);
                Assert.Equal(number, back);
                Assert.Equal(format.Kind == ImageKind.PagesOld ? ImageKind.Pages : format.Kind, found.Kind);
            }
    }

    [Theory]
    [InlineData("core-1.img", ImageKind.Core, 1)]
    [InlineData("pagemap-shmem-11435.img", ImageKind.ShmemPagemap, 11435)]
    [InlineData("pagemap-18446744073709551615.img", ImageKind.Pagemap, ulong.MaxValue)]
    [InlineData("tcp-stream-b7f55.img", ImageKind.TcpStream, 0xb7f55)]
    [InlineData("tmpfs-dev-45.tar.gz.img", ImageKind.TmpfsDev, 45)]
    [InlineData("stats-dump", ImageKind.Stats, 0)]
    [InlineData("stats-restore", ImageKind.Stats, 1)]
    [InlineData("pages-shmem--3.img", ImageKind.ShmPagesOld, unchecked((ulong)-3))]
    public void Names_are_told_apart(string name, ImageKind kind, ulong number)
    {
        Assert.True(ImageCatalog.TryParseFileName(name, out ImageFormat? format, out ulong parsed));
        Assert.Equal((kind, number), (format.Kind, parsed));
    }

    [Theory]
    [InlineData("core-01.img")]
    [InlineData("core-+1.img")]
    [InlineData("core-4294967296.img")]
    [InlineData("core-.img")]
    [InlineData("core-1.img.partial")]
    [InlineData("tcp-stream-B7.img")]
    [InlineData("stats-")]
    [InlineData("inventory.img2")]
    [InlineData("")]
    public void Other_names_are_no_images(string name) => Assert.False(ImageCatalog.TryParseFileName(name, out _, out _));

    [Fact]
    public void A_number_that_the_name_cannot_hold_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageCatalog.Of(ImageKind.Core).FileName(1ul << 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageCatalog.Of(ImageKind.Inventory).FileName(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageCatalog.Of(ImageKind.Stats).FileName(2));
    }

    [Fact]
    public void Every_golden_image_has_its_magics()
    {
        foreach (string path in Directory.EnumerateFiles(Golden.Directory, "*", SearchOption.AllDirectories).Where(p => !p.EndsWith(".json", StringComparison.Ordinal)))
        {
            string name = Path.GetFileName(path).Split("--")[^1];
            Assert.True(ImageCatalog.TryParseFileName(name, out ImageFormat? format, out _), name);
            if (format.IsRaw)
                continue;
            using var reader = new ImageReader(System.IO.Pipelines.PipeReader.Create(new(File.ReadAllBytes(path))), format.Kind, path);
            Assert.Equal(format.Kind == ImageKind.Inventory ? null : 2, reader.Version);
        }
    }

    [Fact]
    public void Only_raw_kinds_have_no_messages()
    {
        foreach (ImageFormat format in ImageCatalog.All)
            if (format.IsRaw)
                Assert.Throws<InvalidOperationException>(format.NewEntry);
            else
                Assert.IsType<IMessage>(format.NewFurtherEntry(), exactMatch: false);
    }
}
