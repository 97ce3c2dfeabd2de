using BenchmarkDotNet.Attributes;
using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Benchmarks;

/// <summary>Images to and from a directory in tmpfs. Writing is a whole set: directory opened, one image written, committed.</summary>
public class ImageCodec
{
    private const int Vmas = 1000, Runs = 10_000, Pid = 1;
    private const ulong PageBytes = 4096;

    private readonly CoreEntry core = Samples.Core();
    private readonly MmEntry mm = Samples.Mm(Vmas);
    private string read = "", written = "";

    [GlobalSetup]
    public void Start()
    {
        (read, written) = (NewFolder(), NewFolder());
        using var images = ImageDirectory.Create(read);
        images.WriteSingle(ImageKind.Core, Pid, core);
        images.WriteSingle(ImageKind.Mm, Pid, mm);
        WritePagemap(images);
        images.CreateRaw(ImageKind.Pages, Pid).Dispose();
        images.Commit();
        using var pages = File.OpenWrite(Path.Combine(read, $"pages-{Pid}.img"));
        pages.SetLength(Runs * (long)PageBytes);
    }

    [Benchmark]
    public void WriteCore() => Write(images => images.WriteSingle(ImageKind.Core, Pid, core));

    [Benchmark]
    public void WriteMm() => Write(images => images.WriteSingle(ImageKind.Mm, Pid, mm));

    [Benchmark]
    public void WritePagemap() => Write(WritePagemap);

    [Benchmark]
    public CoreEntry ReadCore() => Read<CoreEntry>(ImageKind.Core);

    [Benchmark]
    public MmEntry ReadMm() => Read<MmEntry>(ImageKind.Mm);

    [Benchmark]
    public int ReadPagemap()
    {
        using var images = ImageDirectory.Open(read);
        using var chain = PagemapChain.Open(images, ImageKind.Pagemap, Pid);
        int runs = 0;
        foreach (var _ in chain.Runs())
            runs++;
        return runs;
    }

    private void Write(Action<ImageDirectory> write)
    {
        using var images = ImageDirectory.Create(written);
        write(images);
        images.Commit();
    }

    private static void WritePagemap(ImageDirectory images)
    {
        using var pagemap = new PagemapWriter(images, ImageKind.Pagemap, Pid, Pid);
        for (ulong i = 0; i < Runs; i++)
            pagemap.Write(0x10000 + 2 * i * PageBytes, 1, PagemapFlags.Present | PagemapFlags.Lazy);
    }

    private T Read<T>(ImageKind kind) where T : class, IMessage<T>, new()
    {
        using var images = ImageDirectory.Open(read);
        return images.ReadSingle<T>(kind, Pid);
    }

    private static string NewFolder() => Directory.CreateDirectory($"/dev/shm/criu-benchmarks-{Guid.NewGuid():N}").FullName;

    [GlobalCleanup]
    public void End()
    {
        Directory.Delete(read, recursive: true);
        Directory.Delete(written, recursive: true);
    }
}
