using System.Diagnostics;
using System.Text;
using Criu.Images.Json;

namespace Criu.Images.Tests;

/// <summary>Damaged images and JSON: the answer is the content or an <see cref="ImageFormatException"/>, soon. Each round prints its seed.</summary>
public sealed class FuzzTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2), Soon = TimeSpan.FromSeconds(5);

    [Fact]
    public void Damaged_images_are_decoded_or_refused()
    {
        byte[][] images = [.. Golden.WithJson().Select(row => Golden.Image(row.Data))];
        Fuzz(images, static image => CritJson.Decode(new MemoryStream(image), Stream.Null, new CritOptions { Pretty = true }));
    }

    [Fact]
    public void Damaged_images_of_unknown_length_are_decoded_or_refused()
    {
        byte[][] images = [.. Golden.WithJson().Select(row => Golden.Image(row.Data))];
        Fuzz(images, static image => CritJson.Decode(System.IO.Pipelines.PipeReader.Create(new(image)).AsStream(), Stream.Null, new CritOptions()));
    }

    [Fact]
    public void Damaged_json_is_encoded_or_refused()
    {
        byte[][] texts = [.. Golden.WithJson().Select(row => Encoding.UTF8.GetBytes(Golden.Json(row.Data)))];
        Fuzz(texts, static json => CritJson.Encode(new MemoryStream(json), new MemoryStream()));
    }

    [Fact]
    public void Damaged_pagemaps_are_chains_or_refused()
    {
        using TemporaryDirectory copy = Golden.Copy("tiny");
        string path = copy.File("pagemap-9484.img");
        Fuzz([File.ReadAllBytes(path)], image =>
        {
            File.WriteAllBytes(path, image);
            using ImageDirectory store = ImageDirectory.Open(copy.Path);
            using PagemapChain chain = PagemapChain.Open(store, ImageKind.Pagemap, 9484);
            Assert.InRange(chain.Validate(), 0ul, 16ul);
        });
    }

    private static void Fuzz(byte[][] originals, Action<byte[]> read)
    {
        int first = Environment.TickCount, refused = 0, taken = 0;
        var all = Stopwatch.StartNew();
        for (int seed = first; all.Elapsed < Duration; seed++)
        {
            var random = new Random(seed);
            byte[] damaged = Damage((byte[])originals[random.Next(originals.Length)].Clone(), originals, random);
            var one = Stopwatch.StartNew();
            try
            {
                read(damaged);
                taken++;
            }
            catch (ImageFormatException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
            Assert.True(one.Elapsed < Soon, $"seed {seed} took {one.Elapsed}");
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"seeds {first} to {first + refused + taken}: {taken} taken, {refused} refused");
        Assert.True(refused > 0 && taken > 0);
    }

    private static byte[] Damage(byte[] bytes, byte[][] others, Random random)
    {
        for (int i = random.Next(1, 4); i > 0 && bytes.Length > 0; i--)
            bytes = DamageOnce(bytes, others[random.Next(others.Length)], random);
        return bytes;
    }

    private static byte[] DamageOnce(byte[] bytes, byte[] other, Random random)
    {
        int at = random.Next(bytes.Length);
        switch (random.Next(6))
        {
            case 0:
                return bytes[..at];
            case 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 3:
                bytes.AsSpan(at, Math.Min(4, bytes.Length - at)).Fill(0xff);   // a length, with luck
                return bytes;
            case 4:
                return [.. bytes[..at], .. other[random.Next(other.Length)..]];
            default:
                random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 64), bytes.Length - at)));
                return bytes;
        }
    }
}
