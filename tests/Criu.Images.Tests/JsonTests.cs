using System.Text;
using CsCheck;
using Criu.Images.Json;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Images.Tests;

public sealed class JsonTests
{
    [Fact]
    public void Random_images_of_every_kind_come_back_from_both_forms() => Gen.ULong.Sample(
        seed =>
        {
            var random = new RandomMessages(seed);
            foreach (ImageFormat format in ImageCatalog.All.Where(f => !f.IsRaw && f.Payload == ImagePayload.None))
            {
                if (ImageCatalog.ByName(format.Name) != format || ImageCatalog.ByMagic(format.Magic) != format)
                    continue;
                byte[] image = ReaderTests.Image(format.Kind, random.Of(format.NewEntry().Descriptor).ToByteArray(), random.Of(format.NewFurtherEntry().Descriptor).ToByteArray());
                Assert.Equal(image, GoldenJsonTests.Encode(GoldenJsonTests.Decode(image, new CritOptions())));
                Assert.Equal(image, GoldenJsonTests.Encode(GoldenJsonTests.Decode(image, new CritOptions { Pretty = true })));
            }
        },
        iter: 25);

    [Theory]
    [MemberData(nameof(Payloads))]
    public void Payloads_of_every_kind_come_back(ImageKind kind, byte[] body)
    {
        byte[] image = [.. ReaderTests.Image(kind), .. body];
        foreach (bool pretty in new[] { false, true })
            Assert.Equal(image, GoldenJsonTests.Encode(GoldenJsonTests.Decode(image, new CritOptions { Pretty = pretty })));
        Assert.NotEmpty(GoldenJsonTests.Decode(image, new CritOptions { NoPayload = true }));
    }

    public static TheoryData<ImageKind, byte[]> Payloads()
    {
        var random = new RandomMessages(3);
        var desc = new IpcDescEntry { Key = 1, Uid = 2, Gid = 3, Cuid = 4, Cgid = 5, Mode = 6, Id = 7 };
        var message = new IpcMsg { Mtype = 1, Msize = 5 };
        return new()
        {
            { ImageKind.PipesData, [.. Entry(new PipeDataEntry { PipeId = 1, Bytes = 1000 }), .. random.Bytes(1000)] },
            { ImageKind.FifoData, Entry(new PipeDataEntry { PipeId = 1, Bytes = 0 }) },
            { ImageKind.SkQueues, [.. Entry(new SkPacketEntry { IdFor = 1, Length = 57 }), .. random.Bytes(57), .. Entry(new SkPacketEntry { IdFor = 1, Length = 1 }), .. random.Bytes(1)] },
            { ImageKind.TcpStream, [.. Entry(new TcpStreamEntry { InqLen = 3, InqSeq = 1, OutqLen = 80, OutqSeq = 2, OptMask = 3, SndWscale = 4, MssClamp = 5 }), .. random.Bytes(83)] },
            { ImageKind.BpfmapData, [.. Entry(new BpfmapDataEntry { MapId = 1, KeysBytes = 8, ValuesBytes = 16, Count = 2 }), .. random.Bytes(24)] },
            { ImageKind.IpcnsShm, [.. Entry(new IpcShmEntry { Desc = desc, Size = 5 }), .. random.Bytes(5), 0, 0, 0, .. Entry(new IpcShmEntry { Desc = desc, Size = 4096, InPagemaps = true })] },
            { ImageKind.IpcnsSem, [.. Entry(new IpcSemEntry { Desc = desc, Nsems = 3 }), 1, 0, 2, 0, 255, 255, 0, 0] },
            { ImageKind.IpcnsMsg, [.. Entry(new IpcMsgEntry { Desc = desc, Qbytes = 9, Qnum = 2 }), .. Entry(message), 1, 2, 3, 4, 5, 0, 0, 0, .. Entry(new IpcMsg { Mtype = 2, Msize = 0 })] },
            { ImageKind.GhostFile, [.. Entry(new GhostFileEntry { Uid = 1, Gid = 2, Mode = 3 }), .. random.Bytes(300)] },
            { ImageKind.GhostFile, [.. Entry(new GhostFileEntry { Uid = 1, Gid = 2, Mode = 3, Chunks = true }), .. Entry(new GhostChunkEntry { Len = 4, Off = 0 }), .. random.Bytes(4)] },
        };
    }

    [Fact]
    public void A_stream_of_unknown_length_is_read_to_its_end()
    {
        byte[] image = Golden.Image("everything/ghost-file-1.img");
        using var json = new MemoryStream();
        CritJson.Decode(new System.IO.Compression.BrotliStream(new MemoryStream(Compressed(image)), System.IO.Compression.CompressionMode.Decompress), json, new CritOptions { Pretty = true });
        Assert.Equal(Golden.Json("everything/ghost-file-1.img"), Encoding.ASCII.GetString(json.ToArray()) + "\n");
    }

    [Theory]
    [InlineData("0x10", 16)]
    [InlineData("0o17", 15)]
    [InlineData("7", 7)]
    [InlineData("PROT_READ|PROT_EXEC | 0x100 |8", 0x10d)]
    [InlineData("", 0)]
    public void Integers_are_read_in_every_form(string text, uint value)
    {
        string json = $$"""{"magic": "VMAS", "entries": [{"start": "1", "end": 2, "pgoff": 0, "shmid": 0, "prot": "{{text}}", "flags": 0, "status": "VMA_AREA_NONE", "fd": -1}]}""";
        VmaEntry vma = VmaEntry.Parser.ParseFrom(GoldenJsonTests.Encode(json)[12..]);
        Assert.Equal((value, 1ul, -1L), (vma.Prot, vma.Start, vma.Fd));
    }

    [Theory]
    [InlineData("nothing", "is no JSON")]
    [InlineData("[]", "has no member 'magic'")]
    [InlineData("""{"magic": "CORE"}""", "has no member 'entries'")]
    [InlineData("""{"magic": "PAGES", "entries": []}""", "magic: there is no such kind of image")]
    [InlineData("""{"magic": 5, "entries": []}""", "magic: is no string")]
    [InlineData("""{"magic": "FS", "entries": {}}""", "entries: is no list")]
    [InlineData("""{"magic": "FS", "entries": [1]}""", "entries[0]: is no object")]
    [InlineData("""{"magic": "FS", "entries": [{"cwd_id": 1}]}""", "entries[0]: required field root_id is missing")]
    [InlineData("""{"magic": "FS", "entries": [{"cwd_id": -1}]}""", "entries[0].cwd_id: -1 is not between 0 and 4294967295")]
    [InlineData("""{"magic": "FS", "entries": [{"cwd_id": true}]}""", "entries[0].cwd_id: is no string")]
    [InlineData("""{"magic": "FS", "entries": [{"cwd_id": "x"}]}""", "entries[0].cwd_id: 'x' is no value of cwd_id")]
    [InlineData("""{"magic": "FS", "entries": [{"cwd_id": 1.5}]}""", "entries[0].cwd_id: '1.5' is no value of cwd_id")]
    [InlineData("""{"magic": "FS", "entries": [{"other": 1}]}""", "entries[0]: FsEntry has no field other")]
    [InlineData("""{"magic": "FS", "entries": [{"cwd_id": 1, "root_id": 1, "extra": ""}]}""", "entries[0].extra: nothing follows such an entry")]
    [InlineData("""{"magic": "UTSNS", "entries": [{"nodename": "\ud800", "domainname": ""}]}""", "entries[0].nodename: holds half of a surrogate pair")]
    [InlineData("""{"magic": "PIPES_DATA", "entries": [{"pipe_id": 1, "bytes": 3, "extra": "AAAA AAAA"}]}""", "entries[0].extra: has 6 bytes, but the entry says 3")]
    [InlineData("""{"magic": "PIPES_DATA", "entries": [{"pipe_id": 1, "bytes": 3, "extra": "... <3B>"}]}""", "entries[0].extra: is no base64")]
    [InlineData("""{"magic": "PIPES_DATA", "entries": [{"pipe_id": 1, "bytes": 3}]}""", "entries[0]: has no member 'extra'")]
    public void Wrong_json_is_refused_with_its_place(string json, string problem)
    {
        ImageFormatException e = Assert.Throws<ImageFormatException>(() => GoldenJsonTests.Encode(json));
        Assert.StartsWith("JSON: " + problem, e.Message);
        Assert.DoesNotContain("at byte", e.Message);
    }

    // Values are those of Python's binascii.b2a_qp.
    [Theory]
    [InlineData("\0abstract", "=00abstract")]
    [InlineData("a=b ", "a=3Db=20")]
    [InlineData(".", "=2E")]
    [InlineData("..", "..")]
    [InlineData("a\n.\nb", "a\n=2E\nb")]
    [InlineData("a \nb\t\n", "a=20\nb=09\n")]
    [InlineData("a\r\nb\nc", "a\r\nb\r\nc")]
    [InlineData("a\nb\r\nc", "a\nb\nc")]
    [InlineData("é~\x7f", "=C3=A9~=7F")]
    public void Names_of_unix_sockets_are_quoted_as_Python_does(string name, string quoted) =>
        Assert.Equal(quoted, QuotedPrintable.Encode(Encoding.UTF8.GetBytes(name)));

    [Fact]
    public void Long_names_are_broken_softly()
    {
        Assert.Equal(new string('x', 75) + "=\nxxxxx", QuotedPrintable.Encode(Encoding.ASCII.GetBytes(new string('x', 80))));
        Assert.Equal(new string('x', 76), QuotedPrintable.Encode(Encoding.ASCII.GetBytes(new string('x', 76))));
        Assert.Equal(new string('x', 72) + "=3D=\n=3D", QuotedPrintable.Encode(Encoding.ASCII.GetBytes(new string('x', 72) + "==")));
    }

    [Fact]
    public void Names_without_carriage_returns_come_back() => Gen.Byte.Array[0, 200].Where(bytes => Array.IndexOf(bytes, (byte)'\r') < 0)
        .Sample(bytes => Assert.Equal(bytes, QuotedPrintable.Decode(Encoding.ASCII.GetBytes(QuotedPrintable.Encode(bytes)))));

    [Fact]
    public void Any_bytes_come_back_as_text() => Gen.Byte.Array[0, 100].Sample(
        bytes =>
        {
            Assert.True(RawText.TryToBytes(RawText.ToText(bytes), out byte[] back));
            Assert.Equal(bytes, back);
        });

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::", "::")]
    [InlineData("::1", "::1")]
    [InlineData("::ffff:127.0.0.1", "::ffff:7f00:1")]
    [InlineData("FE80:0:0:1:0:0:0:1", "fe80:0:0:1::1")]
    [InlineData("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7")]
    [InlineData("1:0:0:2:0:0:3:4", "1::2:0:0:3:4")]
    [InlineData("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::")]
    public void Addresses_are_compressed(string address, string shown)
    {
        Assert.True(AddressText.TryParse(address, out uint[] words));
        Assert.Equal(shown, AddressText.Of(words));
        Assert.True(AddressText.TryParse(shown, out uint[] back));
        Assert.Equal(words, back);
    }

    [Fact]
    public void Unknown_numbers_of_enums_are_kept()
    {
        byte[] image = ReaderTests.Image(ImageKind.Files, [(1 << 3) | 0, 99, (2 << 3) | 0, 1]);
        string json = GoldenJsonTests.Decode(image, new CritOptions { Pretty = true });
        Assert.Contains("\"type\": 99", json);
        Assert.Equal(image, GoldenJsonTests.Encode(json));
    }

    [Theory]
    [InlineData(0x12345, false, "0:74565")]
    [InlineData(0x00300005, false, "3:5")]
    [InlineData(0xfe01, true, "254:1")]
    [InlineData(0xff1fffff, true, "4095:1044991")]
    public void Device_numbers_are_shown_in_two_forms(ulong value, bool isStatForm, string shown) => Assert.Equal(shown, IntegerText.Device(value, isStatForm));

    private static byte[] Entry(IMessage message)
    {
        byte[] bytes = message.ToByteArray();
        return [.. BitConverter.GetBytes(bytes.Length), .. bytes];
    }

    private static byte[] Compressed(byte[] bytes)
    {
        using var result = new MemoryStream();
        using (var brotli = new System.IO.Compression.BrotliStream(result, System.IO.Compression.CompressionMode.Compress))
            brotli.Write(bytes);
        return result.ToArray();
    }
}
