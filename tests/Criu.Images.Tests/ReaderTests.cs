using System.Buffers.Binary;
using System.IO.Pipelines;
using CsCheck;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images.Tests;

public sealed class ReaderTests
{
    [Fact]
    public void Random_images_of_every_kind_come_back() => Gen.ULong.Sample(
        seed =>
        {
            var random = new RandomMessages(seed);
            foreach (ImageFormat format in ImageCatalog.All.Where(f => !f.IsRaw))
            {
                IMessage first = random.Of(format.NewEntry().Descriptor), second = random.Of(format.NewFurtherEntry().Descriptor);
                byte[] payload = random.Bytes(100);
                using ImageReader reader = Read(Write(format.Kind, first, second, payload), format.Kind);
                Assert.Equal(first, reader.TryReadEntry());
                Assert.Equal(second, reader.TryReadEntry(further: true));
                Assert.Equal(payload, reader.ReadPayload(payload.Length));
                Assert.Null(reader.TryReadEntry());
            }
        },
        iter: 30);

    [Fact]
    public void Images_come_through_a_pipe_in_pieces()
    {
        byte[] image = Golden.Image("everything/files.img");
        var pipe = new Pipe();
        var writing = new Thread(() => WriteBytewise(pipe.Writer, image));
        writing.Start();
        using var piecewise = new ImageReader(pipe.Reader, ImageKind.Files, "pipe");
        using ImageReader whole = Read(image, ImageKind.Files);
        while (whole.TryRead(out FileEntry? expected))
        {
            Assert.True(piecewise.TryRead(out FileEntry? entry));
            Assert.Equal(expected, entry);
        }
        Assert.False(piecewise.TryRead(out FileEntry? _));
        writing.Join();
    }

    [Fact]
    public void Images_of_version_1_have_no_head_magic()
    {
        byte[] image = Golden.Image("tiny/pstree.img");
        using ImageReader reader = Read(image[4..], ImageKind.Pstree);
        Assert.Equal(1, reader.Version);
        Assert.True(reader.TryRead(out PstreeEntry? entry));
        using ImageReader newer = Read(image, ImageKind.Pstree);
        Assert.Equal(2, newer.Version);
        Assert.True(newer.TryRead(out PstreeEntry? same));
        Assert.Equal(same, entry);
        Assert.Equal(image.Length, newer.Offset);
    }

    [Theory]
    [InlineData(0, "magic is cut off after 0 of 4 bytes")]
    [InlineData(5, "magic is cut off after 1 of 4 bytes")]
    [InlineData(10, "length of an entry is cut off after 2 of 4 bytes")]
    [InlineData(14, "is cut off after 2")]
    public void Truncation_is_told(int length, string problem)
    {
        ImageFormatException e = Assert.Throws<ImageFormatException>(() => ReadAllOf(Golden.Image("tiny/pstree.img")[..length], ImageKind.Pstree));
        Assert.Contains(problem, e.Message);
    }

    [Fact]
    public void Another_magic_is_told()
    {
        ImageFormatException e = Assert.Throws<ImageFormatException>(() => ReadAllOf(Golden.Image("tiny/pstree.img"), ImageKind.Files));
        Assert.Contains("magic 0x50273030 is not 0x56303138 of FILES", e.Message);
    }

    [Fact]
    public void A_missing_required_field_is_told_with_the_place_of_its_entry()
    {
        byte[] image = Image(ImageKind.Fs, new FsEntry { CwdId = 1, RootId = 2 }.ToByteArray(), new FsEntry { CwdId = 1 }.ToByteArray());
        ImageFormatException e = Assert.Throws<ImageFormatException>(() => ReadAllOf(image, ImageKind.Fs));
        Assert.Contains("required field root_id of FsEntry is missing", e.Message);
        Assert.Equal(8 + 4 + 4, e.Offset);
    }

    [Fact]
    public void The_writer_refuses_an_unset_required_field_by_name()
    {
        using var writer = new ImageWriter(PipeWriter.Create(Stream.Null), ImageKind.Core, "core-1.img");
        var core = new CoreEntry { Mtype = CoreEntry.Types.March.X8664, Tc = new TaskCoreEntry { TaskState = 1 } };
        Assert.Equal("core-1.img: required field tc.exit_code of CoreEntry is not set", Assert.Throws<ArgumentException>(() => writer.Write(core)).Message);
        Assert.Equal(8, writer.Offset);
        Assert.Equal("CORE does not hold FsEntry", Assert.Throws<ArgumentException>(() => writer.Write(new FsEntry { CwdId = 1, RootId = 1 })).Message);
    }

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(0x7fffffffu)]
    [InlineData(65u << 20)]
    public void A_length_beyond_the_bound_is_refused_before_anything_is_allocated(uint length)
    {
        byte[] image = Image(ImageKind.Fs, Array.Empty<byte>());
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(8), length);
        foreach (long? known in new long?[] { image.Length, null })
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            using var reader = new ImageReader(PipeReader.Create(new(image)), ImageKind.Fs, "fs-1.img", known);
            Assert.Throws<ImageFormatException>(() => reader.TryRead(out FsEntry? _));
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
        }
    }

    [Fact]
    public void Of_a_stream_no_more_is_made_than_arrives()
    {
        byte[] image = Image(ImageKind.Fs, Array.Empty<byte>());
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(8), 60 << 20);
        using Stream stream = PipeReader.Create(new(image)).AsStream();
        Assert.False(stream.CanSeek);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ImageFormatException>(() => Json.CritJson.Decode(stream, Stream.Null, new Json.CritOptions()));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void An_inventory_of_another_version_is_refused()
    {
        using var directory = new TemporaryDirectory();
        using ImageDirectory store = ImageDirectory.Open(directory.Path);
        foreach (uint version in new uint[] { 1, 2 })
        {
            File.WriteAllBytes(directory.File("inventory.img"), Image(ImageKind.Inventory, new InventoryEntry { ImgVersion = version }.ToByteArray()));
            Assert.Equal(version, store.ReadInventory().ImgVersion);
        }
        File.WriteAllBytes(directory.File("inventory.img"), Image(ImageKind.Inventory, new InventoryEntry { ImgVersion = 3 }.ToByteArray()));
        Assert.Contains("version 3", Assert.Throws<ImageFormatException>(() => store.ReadInventory()).Message);
    }

    // Two bytes each, a hundred in memory: 6 MB would become 600.
    [Fact]
    public void An_entry_of_countless_parts_is_refused_before_they_are_made()
    {
        byte[] emptyVma = [14 << 3 | 2, 0];
        byte[] mm = Enumerable.Repeat(emptyVma, 5 << 20).SelectMany(b => b).ToArray();
        byte[] image = Image(ImageKind.Mm, mm);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("holds more than", Assert.Throws<ImageFormatException>(() => ReadAllOf(image, ImageKind.Mm)).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void A_large_address_space_is_within_the_bounds()
    {
        var vma = (VmaEntry)new RandomMessages(5).Of(VmaEntry.Descriptor);
        var mm = (MmEntry)new RandomMessages(6).Of(MmEntry.Descriptor);
        for (int i = 0; i < 300_000; i++)
            mm.Vmas.Add(vma);
        using ImageReader reader = Read(Image(ImageKind.Mm, mm.ToByteArray()), ImageKind.Mm);
        Assert.True(reader.TryRead(out MmEntry? back));
        Assert.Equal(mm.Vmas.Count, back.Vmas.Count);
    }

    [Fact]
    public void Messages_deeper_than_the_parser_goes_are_refused()
    {
        byte[] nested = [];
        for (int i = 0; i < 150; i++)
        {
            using var next = new MemoryStream();
            using var output = new CodedOutputStream(next);
            output.WriteRawTag(2 << 3 | 2);
            output.WriteBytes(ByteString.CopyFrom(nested));
            output.Flush();
            nested = next.ToArray();
        }
        byte[] padded = [.. nested, .. new byte[] { 1 << 3 | 2 }, .. Varint(70_000), .. new byte[70_000]];
        Assert.Contains("is no CgroupEntry", Assert.Throws<ImageFormatException>(() => ReadAllOf(Image(ImageKind.Cgroup, nested), ImageKind.Cgroup)).Message);
        Assert.Contains("is no CgroupEntry", Assert.Throws<ImageFormatException>(() => ReadAllOf(Image(ImageKind.Cgroup, padded), ImageKind.Cgroup)).Message);
    }

    [Fact]
    public void Payloads_are_bounded_by_the_file()
    {
        using ImageReader reader = Read(Golden.Image("everything/pipes-data.img"), ImageKind.PipesData);
        Assert.True(reader.TryRead(out PipeDataEntry? _));
        Assert.Throws<ImageFormatException>(() => reader.ReadPayload(long.MaxValue));
        Assert.Throws<ImageFormatException>(() => reader.ReadPayload(-1));
        Assert.Throws<ImageFormatException>(() => reader.SkipPayload(1L << 40));
        Assert.Throws<ImageFormatException>(() => reader.ReadPayload(new byte[1 << 20]));
    }

    [Fact]
    public void A_single_entry_is_neither_none_nor_two()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("fs-1.img"), Image(ImageKind.Fs));
        byte[] entry = new FsEntry { CwdId = 1, RootId = 2 }.ToByteArray();
        File.WriteAllBytes(directory.File("fs-2.img"), Image(ImageKind.Fs, entry, entry));
        using ImageDirectory store = ImageDirectory.Open(directory.Path);
        Assert.Contains("the entry is missing", Assert.Throws<ImageFormatException>(() => store.ReadSingle<FsEntry>(ImageKind.Fs, 1)).Message);
        Assert.Contains("something follows", Assert.Throws<ImageFormatException>(() => store.ReadSingle<FsEntry>(ImageKind.Fs, 2)).Message);
        Assert.Equal(2, store.ReadAll<FsEntry>(ImageKind.Fs, 2).Count);
    }

    // Every prefix of every small image is read to an end or refused, by position and by pipe.
    [Fact]
    public void Cut_at_any_byte_an_image_is_shorter_or_refused()
    {
        foreach (string path in Directory.EnumerateFiles(Golden.Directory, "*.img", SearchOption.AllDirectories))
        {
            byte[] image = File.ReadAllBytes(path);
            if (!ImageCatalog.TryParseFileName(Path.GetFileName(path).Split("--")[^1], out ImageFormat? format, out _) || format.IsRaw || image.Length > 600)
                continue;
            int entries = CountOf(image, format, known: true);
            for (int length = 0; length < image.Length; length++)
                Assert.Equal(CutCount(image[..length], format, known: true, entries), CutCount(image[..length], format, known: false, entries));
        }
    }

    internal static byte[] Image(ImageKind kind, params byte[][] entries)
    {
        ImageFormat format = ImageCatalog.Of(kind);
        using var image = new MemoryStream();
        using var writer = new BinaryWriter(image);
        if (format.HeadMagic != 0)
            writer.Write(format.HeadMagic);
        writer.Write(format.Magic);
        foreach (byte[] entry in entries)
        {
            writer.Write(entry.Length);
            writer.Write(entry);
        }
        return image.ToArray();
    }

    private static void WriteBytewise(PipeWriter target, byte[] image)
    {
        using Stream stream = target.AsStream();
        foreach (byte one in image)
        {
            stream.WriteByte(one);
            stream.Flush();
        }
    }

    private static int CutCount(byte[] image, ImageFormat format, bool known, int entries)
    {
        try
        {
            int count = CountOf(image, format, known);
            Assert.True(count <= entries);
            return count;
        }
        catch (ImageFormatException)
        {
            return -1;
        }
    }

    // Payloads are not told apart here: both ways must agree on whatever they make of them.
    private static int CountOf(byte[] image, ImageFormat format, bool known)
    {
        using var reader = new ImageReader(PipeReader.Create(new(image)), format.Kind, "image", known ? image.Length : null);
        if (format.Payload != ImagePayload.None)
            return reader.TryReadEntry() is null ? 0 : 1;
        int count = 0;
        while (reader.TryReadEntry(further: count > 0) is not null)
            count++;
        return count;
    }

    private static void ReadAllOf(byte[] image, ImageKind kind)
    {
        using ImageReader reader = Read(image, kind);
        while (reader.TryReadEntry() is not null)
        {
        }
    }

    private static ImageReader Read(byte[] image, ImageKind kind) => new(PipeReader.Create(new(image)), kind, "image", image.Length);

    private static byte[] Write(ImageKind kind, IMessage first, IMessage second, byte[] payload)
    {
        using var image = new MemoryStream();
        using (var writer = new ImageWriter(PipeWriter.Create(image, new StreamPipeWriterOptions(leaveOpen: true)), kind, "image"))
        {
            writer.Write(first);
            writer.Write(second);
            writer.WritePayload(payload);
        }
        return image.ToArray();
    }

    private static byte[] Varint(uint value)
    {
        using var bytes = new MemoryStream();
        using var output = new CodedOutputStream(bytes);
        output.WriteUInt32(value);
        output.Flush();
        return bytes.ToArray();
    }
}
