using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Criu.Benchmarks;

/// <summary>MiB/s, by the median, of benchmarks with a parameter <c>MiB</c> that move so much.</summary>
internal sealed class ThroughputColumn : IColumn
{
    public string Id => "MiB/s";
    public string ColumnName => "MiB/s";
    public bool AlwaysShow => false;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 0;
    public bool IsNumeric => true;
    public UnitType UnitType => UnitType.Dimensionless;
    public string Legend => "MiB moved in a second, by the median";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        if (benchmarkCase.Parameters["MiB"] is not int mebibytes || summary[benchmarkCase]?.ResultStatistics is not { } statistics)
            return "-";
        return (mebibytes / (statistics.Median / 1e9)).ToString("N0", CultureInfo.InvariantCulture);
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => benchmarkCase.Parameters["MiB"] == null;

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(c => c.Parameters["MiB"] != null);
}
