using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Criu.Soccr.Benchmarks;

internal static class Program
{
    /// <summary>Category of what runs only where <see cref="Reference.IsThere"/>.</summary>
    public const string NeedsReference = "reference";

    public static int Main(string[] args)
    {
        if (!OwnNamespace.IsInside)
            return OwnNamespace.RunAgain(args);
        if (args is ["--rounds", var rounds, var count, .. var names])
            return InTurns.Run(Number(rounds), Number(count), names);
        bool quick = args.Contains("--quick");
        string[] others = [.. args.Where(word => word != "--quick")];
        var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(others.Length == 0 ? ["--filter", "*"] : others, Config(quick));
        return summaries.All(s => !s.HasCriticalValidationErrors && s.Reports.All(r => r.Success)) ? 0 : 1;
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    /// <summary>In this process: nothing is generated, built or downloaded, and the threads are in our namespace. An operation is long: it is measured one by one.</summary>
    private static ManualConfig Config(bool quick)
    {
        var job = Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance).WithInvocationCount(1).WithUnrollFactor(1);
        job = quick ? job.WithWarmupCount(1).WithIterationCount(3).WithId("quick") : job.WithWarmupCount(5).WithIterationCount(30).WithId("full");
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddFilter(new SimpleFilter(b => Reference.IsThere || !b.Descriptor.Categories.Contains(NeedsReference)))
            .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params, DefaultColumnProviders.Metrics)
            .AddColumn(StatisticColumn.Median, StatisticColumn.Min, StatisticColumn.Error, BaselineRatioColumn.RatioMean, new RateColumn())
            .WithOptions(ConfigOptions.DisableOptimizationsValidator);
    }
}
