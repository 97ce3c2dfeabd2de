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
        using var session = Session.Open(options, isDump ? DirectoryAccess.Write : DirectoryAccess.Read);
        return session.Run("cpuinfo", isDump ? "Dumping" : "Checking", session => isDump ? Dump(session) : Check(session));
    }

    internal static int Dump(Session session)
    {
        using var images = ImageDirectory.Create(session.Options.Common.ImagesDir);
        ProcessorImages.Write(images);
        images.Commit();
        return 0;
    }

    internal static int Check(Session session)
    {
        using var images = ImageDirectory.Open(session.Options.Common.ImagesDir);
        ProcessorImages.Demand(images, session.Options.Restore.Processor ?? ProcessorParts.Fpu | ProcessorParts.Instructions);
        return 0;
    }
}
