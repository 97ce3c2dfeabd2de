using BenchmarkDotNet.Attributes;

namespace Criu.Soccr.Benchmarks;

/// <summary>One operation: so many connections paused, saved, closed, restored, resumed. The other ends stay, and nothing holds the traffic. libsoccr keeps no options of sockets.</summary>
public class SaveAndRestore
{
    private Connections? connections;
    private Reference? reference;

    [ParamsSource(nameof(Counts))]
    public int Connections { get; set; }

    [Params(0, 4096)]
    public int QueuedBytes { get; set; }

    public static IEnumerable<int> Counts => new SortedSet<int> { Math.Min(2000, Benchmarks.Connections.Most), Math.Min(9900, Benchmarks.Connections.Most) };

    [GlobalSetup]
    public void Connect() => connections = new Connections(Connections, QueuedBytes);

    [GlobalSetup(Target = nameof(Libsoccr))]
    public void StartReference() => reference = new Reference(Connections, QueuedBytes);

    [Benchmark(Baseline = true), BenchmarkCategory(Program.NeedsReference)]
    public void Libsoccr() => reference!.Round();

    [Benchmark]
    public void AllOptions() => connections!.Round(Ways.All, 1);

    [Benchmark]
    public void AllOptionsTwoWorkers() => connections!.Round(Ways.All, 2);

    [Benchmark]
    public void Alike() => connections!.Round(Ways.Alike, 1);

    [Benchmark]
    public void AlikeTwoWorkers() => connections!.Round(Ways.Alike, 2);

    [Benchmark]
    public void AlikeAndQuiet() => connections!.Round(Ways.AlikeQuiet, 1);

    [Benchmark]
    public void AlikeAndQuietTwoWorkers() => connections!.Round(Ways.AlikeQuiet, 2);

    [GlobalCleanup]
    public void End()
    {
        connections?.Dispose();
        reference?.Dispose();
    }
}
