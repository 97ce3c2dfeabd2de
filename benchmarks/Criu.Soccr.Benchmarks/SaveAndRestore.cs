using BenchmarkDotNet.Attributes;

namespace Criu.Soccr.Benchmarks;

/// <summary>One operation: so many connections paused, saved, closed, restored, resumed. The other ends stay, and nothing holds the traffic.</summary>
public class SaveAndRestore
{
    private Connections? connections;
    private Reference? reference;

    [ParamsSource(nameof(Counts))]
    public int Connections { get; set; }

    [Params(0, 4096)]
    public int QueuedBytes { get; set; }

    public static IEnumerable<int> Counts => new SortedSet<int> { 2000, Math.Min(9900, Benchmarks.Connections.Most) };

    [GlobalSetup(Targets = [nameof(OneWorker), nameof(TwoWorkers)])]
    public void Connect() => connections = new Connections(Connections, QueuedBytes);

    [GlobalSetup(Target = nameof(Libsoccr))]
    public void StartReference() => reference = new Reference(Connections, QueuedBytes);

    [Benchmark(Baseline = true), BenchmarkCategory(Program.NeedsReference)]
    public void Libsoccr() => reference!.Round();

    [Benchmark]
    public void OneWorker() => connections!.Round(Ways.All, 1);

    [Benchmark]
    public void TwoWorkers() => connections!.Round(Ways.All, 2);

    [GlobalCleanup]
    public void End()
    {
        connections?.Dispose();
        reference?.Dispose();
    }
}
