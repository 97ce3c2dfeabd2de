using Criu.Cli.Commands;
using Criu.Core;
using Criu.Images;
using Criu.Images.Proto;

namespace Criu.Cli.Reporting;

/// <summary>The statistics of a dump or restore: an image in the work directory, and on request text on standard output.</summary>
internal static class Statistics
{
    public static void Finish(Session session, DumpResult result)
    {
        Write(session, ImageCatalog.StatsOfDump, new StatsEntry { Dump = Entry(result) });
        if (session.Options.Common.DisplayStats)
            StandardStream.WriteOut(Text(result));
    }

    public static void Finish(Session session, RestoreResult result)
    {
        Write(session, ImageCatalog.StatsOfRestore, new StatsEntry { Restore = Entry(result) });
        if (session.Options.Common.DisplayStats)
            StandardStream.WriteOut(Text(result));
    }

    /// <summary>Written when all is done: a tree that was dumped or restored stays so whatever becomes of its statistics.</summary>
    private static void Write(Session session, ulong which, StatsEntry entry)
    {
        try
        {
            using var place = ImageDirectory.Create(session.Options.Common.WorkDir);
            place.WriteSingle(ImageKind.Stats, which, entry);
            place.Commit();
        }
        catch (ImageStoreException exception)
        {
            session.Log.Write(Microsoft.Extensions.Logging.LogLevel.Warning, "stats", $"The statistics are not written: {exception.Message}");
        }
    }

    private static DumpStatsEntry Entry(DumpResult result) => new()
    {
        FreezingTime = result.FreezingTime,
        FrozenTime = result.FrozenTime,
        MemdumpTime = result.MemdumpTime,
        MemwriteTime = result.MemwriteTime,
        PagesScanned = result.PagesScanned,
        PagesSkippedParent = 0,
        PagesWritten = result.PagesWritten,
        PagesLazy = 0,
        ShpagesScanned = result.SharedPagesScanned,
        ShpagesSkippedParent = 0,
        ShpagesWritten = result.SharedPagesWritten,
    };

    private static RestoreStatsEntry Entry(RestoreResult result) => new()
    {
        PagesCompared = result.PagesCompared,
        PagesSkippedCow = result.PagesSkippedCow,
        ForkingTime = result.ForkingTime,
        RestoreTime = result.RestoreTime,
        PagesRestored = result.PagesRestored,
    };

    internal static string Text(DumpResult result) => $"""
        Dump statistics:
          Processes                {result.Processes}
          Freezing took            {result.FreezingTime} us
          Frozen for               {result.FrozenTime} us
          Memory took              {result.MemdumpTime} us
          Writing pages took       {result.MemwriteTime} us
          Pages looked at          {result.PagesScanned}
          Pages written            {result.PagesWritten}
          Shared pages looked at   {result.SharedPagesScanned}
          Shared pages written     {result.SharedPagesWritten}

        """;

    internal static string Text(RestoreResult result) => $"""
        Restore statistics:
          Root                     process {result.RootPid}
          Making processes took    {result.ForkingTime} us
          Restore took             {result.RestoreTime} us
          Pages compared           {result.PagesCompared}
          Pages left shared        {result.PagesSkippedCow}
          Pages restored           {result.PagesRestored}

        """;
}
