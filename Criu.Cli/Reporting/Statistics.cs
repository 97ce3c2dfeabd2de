using Criu.Cli.Commands;
using Criu.Core;

namespace Criu.Cli.Reporting;

/// <summary>The statistics of a dump or restore: in the work directory, and on request on standard output.</summary>
internal static class Statistics
{
    public static void Finish(Session session, DumpResult result)
    {
        if (session.Options.Common.DisplayStats)
            StandardStream.WriteOut(Text(result));
    }

    public static void Finish(Session session, RestoreResult result)
    {
        if (session.Options.Common.DisplayStats)
            StandardStream.WriteOut(Text(result));
    }

    internal static string Text(DumpResult result) => $"""
        Dump statistics:
          Processes:               {result.Processes}
          Freezing time:           {result.FreezingTime} us
          Frozen time:             {result.FrozenTime} us
          Memory dump time:        {result.MemdumpTime} us
          Memory write time:       {result.MemwriteTime} us
          Pages scanned:           {result.PagesScanned}
          Pages written:           {result.PagesWritten}
          Shared pages scanned:    {result.SharedPagesScanned}
          Shared pages written:    {result.SharedPagesWritten}

        """;

    internal static string Text(RestoreResult result) => $"""
        Restore statistics:
          Root:                    process {result.RootPid}
          Forking time:            {result.ForkingTime} us
          Restore time:            {result.RestoreTime} us
          Pages compared:          {result.PagesCompared}
          Pages left shared:       {result.PagesSkippedCow}
          Pages restored:          {result.PagesRestored}

        """;
}
