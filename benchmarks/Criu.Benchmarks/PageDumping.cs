using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Criu.Core;
using Criu.Core.Engine;
using Criu.Core.Memory;
using Criu.Images;
using Microsoft.Extensions.Logging.Abstractions;

namespace Criu.Benchmarks;

/// <summary>The pages of a child into a fresh file in tmpfs. The ceiling is write(2) of as much memory of our own: it copies once, the dump twice.</summary>
public class PageDumping
{
    private readonly PageCopier copier = new();
    private Subject subject = null!;
    private DumpTask task = null!;
    private ImageDirectory images = null!;
    private DumpContext context = null!;
    private FileStream plain = null!;
    private nint own;

    [Params(16, 256)]
    public int MiB { get; set; }

    [GlobalSetup]
    public unsafe void Start()
    {
        subject = Subject.WithMemory(MiB);
        task = LookedAt.Task(subject);
        own = (nint)NativeMemory.AlignedAlloc((nuint)MiB << 20, 4096);
        for (long at = 0; at < (long)MiB << 20; at += sizeof(long))
            *(long*)(own + at) = at * 0x9e3779b97f4a7c1;
    }

    [IterationSetup]
    public void FreshFiles()
    {
        string fresh = Directory.CreateDirectory($"/dev/shm/criu-benchmarks-{Guid.NewGuid():N}").FullName;
        images = ImageDirectory.Create(fresh);
        context = new DumpContext(images, new DumpOptions(), NullLogger.Instance, CancellationToken.None);
        plain = new FileStream(Path.Combine(fresh, "plain"), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
    }

    [Benchmark(Baseline = true)]
    public unsafe void WriteOwnMemory()
    {
        for (long at = 0; at < (long)MiB << 20; at += 1 << 20)
            plain.Write(new ReadOnlySpan<byte>((void*)(own + at), 1 << 20));
    }

    [Benchmark]
    public void DumpMemory() => new MemoryDump(context, copier).Dump(task);

    [IterationCleanup]
    public void RemoveFiles()
    {
        plain.Dispose();
        context.Dispose();
        images.Dispose();
        Directory.Delete(images.Location, recursive: true);
    }

    [GlobalCleanup]
    public unsafe void End()
    {
        task.Dispose();
        subject.Dispose();
        NativeMemory.AlignedFree((void*)own);
        copier.Dispose();
    }
}
