using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Horology;

namespace Criu.Benchmarks;

internal static class Program
{
    public static int Main(string[] args)
    {
        if (args is [Subject.Word, .. var what])
            return Subject.Run(what);
        bool quick = args.Contains("--quick");
        string[] others = [.. args.Where(word => word != "--quick")];
        var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(others.Length == 0 ? ["--filter", "*"] : others, Config(quick));
        return summaries.All(s => !s.HasCriticalValidationErrors && s.Reports.All(r => r.Success)) ? 0 : 1;
    }

    /// <summary>In this process: nothing is generated, built or downloaded, and the parent of the subjects stays the same.</summary>
    private static ManualConfig Config(bool quick)
    {
        var job = Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance);
        job = quick
            ? job.WithWarmupCount(1).WithIterationCount(3).WithIterationTime(TimeInterval.FromMilliseconds(30)).WithId("quick")
            : job.WithWarmupCount(3).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(250)).WithId("full");
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params, DefaultColumnProviders.Metrics)
            .AddColumn(StatisticColumn.Median, StatisticColumn.Min, StatisticColumn.Error, BaselineRatioColumn.RatioMean, new ThroughputColumn())
            .WithOptions(ConfigOptions.DisableOptimizationsValidator);
    }
}
