using Criu.Core;
using Criu.Core.Options;
using Criu.Images;

namespace Criu.Cli.Commands;

/// <summary><c>criu cpuinfo dump</c> and <c>criu cpuinfo check</c></summary>
internal static class CpuinfoCommand
{
    public static int Run(MergedOptions options, string[] words)
    {
        bool isDump = words switch
        {
            ["dump"] => true,
            ["check"] => false,
            _ => throw new CheckpointException("cpuinfo needs to know what to do: dump or check", "Try criu cpuinfo --help"),
        };
        using var session = Open(options, isDump);
        return session.Run("cpuinfo", Doing(isDump), Of(isDump));
    }

    /// <summary>The same for a client, who hears of a failure by its exception.</summary>
    public static void Attempt(MergedOptions options, bool isDump)
    {
        using var session = Open(options, isDump);
        session.Attempt("cpuinfo", Doing(isDump), Of(isDump));
    }

    private static Session Open(MergedOptions options, bool isDump) => Session.Open(options, isDump ? DirectoryAccess.Write : DirectoryAccess.Read);

    private static string Doing(bool isDump) => isDump ? "Dumping" : "Checking";

    private static Func<Session, int> Of(bool isDump) => isDump ? Dump : Check;

    private static int Dump(Session session)
    {
        using var images = ImageDirectory.Create(session.Options.Common.ImagesDir);
        ProcessorImages.Write(images);
        images.Commit();
        return 0;
    }

    private static int Check(Session session)
    {
        using var images = ImageDirectory.Open(session.Options.Common.ImagesDir);
        ProcessorImages.Demand(images, session.Options.Restore.Processor ?? ProcessorParts.Fpu | ProcessorParts.Instructions);
        return 0;
    }
}
