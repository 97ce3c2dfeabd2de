using Criu.Cli.Commands;
using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Criu.Images;
using Criu.Images.Proto;

namespace Criu.Cli.Tests;

public sealed class StatisticsTests
{
    private static readonly DumpResult Dumped = new()
    {
        FreezingTime = 1, FrozenTime = 2, MemdumpTime = 3, MemwriteTime = 4, PagesScanned = 5, PagesWritten = 6, SharedPagesScanned = 7, SharedPagesWritten = 8, Processes = 9,
    };

    private static readonly RestoreResult Restored = new()
    {
        RootPid = 1, ForkingTime = 2, RestoreTime = 3, PagesCompared = 4, PagesSkippedCow = 5, PagesRestored = 6,
    };

    [Fact]
    public void LieInTheWorkDirectory()
    {
        using var images = new TemporaryDirectory();
        using var work = new TemporaryDirectory();
        using (var session = Session.Open(new MergedOptions { Common = new CommonOptions { ImagesDir = images.Path, WorkDir = work.Path } }, DirectoryAccess.Write))
        {
            Statistics.Finish(session, Dumped);
            Statistics.Finish(session, Restored);
        }
        using var store = ImageDirectory.Open(work.Path);
        var dump = store.ReadSingle<StatsEntry>(ImageKind.Stats, ImageCatalog.StatsOfDump).Dump;
        Assert.Equal((1u, 2u, 3u, 4u, 5ul, 6ul), (dump.FreezingTime, dump.FrozenTime, dump.MemdumpTime, dump.MemwriteTime, dump.PagesScanned, dump.PagesWritten));
        var restore = store.ReadSingle<StatsEntry>(ImageKind.Stats, ImageCatalog.StatsOfRestore).Restore;
        Assert.Equal((2u, 3u, 4ul, 5ul, 6ul), (restore.ForkingTime, restore.RestoreTime, restore.PagesCompared, restore.PagesSkippedCow, restore.PagesRestored));
        Assert.Equal([work["stats-dump"], work["stats-restore"]], Directory.GetFiles(work.Path).Order());
        Assert.Empty(Directory.GetFiles(images.Path));
    }

    [Fact]
    public void ArePrintedLineByLine()
    {
        Assert.Contains("\n  Frozen for               2 us\n", Statistics.Text(Dumped));
        Assert.Contains("\n  Pages restored           6\n", Statistics.Text(Restored));
    }
}
