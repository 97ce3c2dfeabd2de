using BenchmarkDotNet.Attributes;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Microsoft.Win32.SafeHandles;
using TaskStatus = Criu.Core.Proc.TaskStatus;

namespace Criu.Benchmarks;

/// <summary>
/// /proc of a child with a thousand mappings. <c>Read...</c> is the whole of it, and mostly the kernel's making of the text; <c>Parse...</c> is our share, on text
/// that was read before.
/// </summary>
public class ProcParsing
{
    private const int Mappings = 1000;

    private readonly ProcText text = new();
    private readonly List<Vma> vmas = [];
    private readonly List<PageRun> runs = [];
    private Subject subject = null!;
    private DumpTask task = null!;
    private ProcText smaps = null!;
    private SafeFileHandle pagemap = null!;

    [GlobalSetup]
    public void Start()
    {
        subject = Subject.WithMappings(Mappings);
        task = LookedAt.Task(subject);
        smaps = ProcText.Of("smaps", File.ReadAllBytes($"/proc/{subject.Pid}/smaps"));
        pagemap = File.OpenHandle($"/proc/{subject.Pid}/pagemap");
    }

    [Benchmark]
    public bool ReadSmaps() => VmaFiles.TryReadSmaps(task.Proc, text, vmas);

    [Benchmark]
    public int ParseSmaps() => VmaFiles.ParseSmaps(smaps).Count;

    [Benchmark]
    public bool ReadMaps() => VmaFiles.TryReadMaps(task.Proc, text, vmas);

    [Benchmark]
    public object? ReadStatus() => task.Proc.TryRead("status"u8, text) ? TaskStatus.Parse(text) : null;

    [Benchmark]
    public object? ReadStat() => task.Proc.TryRead("stat"u8, text) ? TaskStat.Parse(text) : null;

    [Benchmark]
    public object? ReadFdInfo() => task.Proc.TryRead("fdinfo/0"u8, text) ? FdInfo.Parse(text) : null;

    /// <summary>PAGEMAP_SCAN over the thousand mappings, a probe of the kernel first, as each dump does.</summary>
    [Benchmark]
    public int ScanPages()
    {
        runs.Clear();
        new PageScan((int)pagemap.DangerousGetHandle()).Scan(task.Vmas, runs);
        return runs.Count;
    }

    [GlobalCleanup]
    public void End()
    {
        pagemap.Dispose();
        task.Dispose();
        subject.Dispose();
    }
}
