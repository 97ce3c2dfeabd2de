using BenchmarkDotNet.Attributes;
using Criu.Parasite;

namespace Criu.Benchmarks;

/// <summary>A batch of getppid to the guard, which is woken by its socket, and to a puppet, which is woken by futex; and what it costs to have them.</summary>
public class BatchRoundTrips
{
    private Subject subject = null!;
    private Guard guard = null!;
    private Tracee tracee = null!;

    [Params(1, 100)]
    public int Records { get; set; }

    [GlobalSetup]
    public void Start()
    {
        subject = Subject.WithMemory(1);
        guard = Guard.Start();
        tracee = guard.Seize(subject.Pid);
        tracee.Inject(allThreads: false);
    }

    [Benchmark]
    public void GuardBySocket()
    {
        var batch = guard.NewBatch();
        Fill(batch);
        guard.Run(batch);
    }

    [Benchmark]
    public void PuppetByFutex()
    {
        var batch = tracee.NewBatch();
        Fill(batch);
        tracee.Run(batch);
    }

    private void Fill(SyscallBatch batch)
    {
        for (int i = 0; i < Records; i++)
            batch.Call(Syscall.Getppid);
    }

    [GlobalCleanup]
    public void End()
    {
        tracee.Dispose();
        guard.Dispose();
        subject.Dispose();
    }
}

/// <summary>What comes before the first batch: starting and ending a guard; seizing a child with all its threads, putting the blob in, letting it go.</summary>
public class Seizing
{
    private Subject subject = null!;
    private Guard guard = null!;

    [GlobalSetup]
    public void Start()
    {
        subject = Subject.WithMemory(1);
        guard = Guard.Start();
    }

    [Benchmark]
    public void StartAndEndGuard() => Guard.Start().Dispose();

    [Benchmark]
    public void SeizeAndLetGo() => guard.Seize(subject.Pid).Dispose();

    [Benchmark]
    public void SeizeInjectAndLetGo()
    {
        using var tracee = guard.Seize(subject.Pid);
        tracee.Inject(allThreads: false);
    }

    [GlobalCleanup]
    public void End()
    {
        guard.Dispose();
        subject.Dispose();
    }
}
