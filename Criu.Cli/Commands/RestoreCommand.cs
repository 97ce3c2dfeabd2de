using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Criu.Images;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Commands;

/// <summary><c>criu restore</c></summary>
internal static class RestoreCommand
{
    public static int Run(MergedOptions options)
    {
        if (options is { Restore.Sibling: true, Common.Detached: false })
            throw new CheckpointException("--restore-sibling needs --restore-detached: criu cannot wait for a child of its parent", "Add -d");
        using var session = Session.Open(options, DirectoryAccess.Read);
        return session.Run("restore", "Restoring", session =>
        {
            int root = Restore(session);
            return options.Common.Detached ? 0 : RootExit.Await(root);
        });
    }

    /// <summary>Answers the pid of the root.</summary>
    internal static int Restore(Session session)
    {
        var common = session.Options.Common;
        var pidFile = PidFile.Prepare(common.PidFile == null ? null : session.InWorkDir(common.PidFile));
        using var images = ImageDirectory.Open(common.ImagesDir);
        var result = Checkpoint.Restore(images, session.Options.Restore, session.Log);
        pidFile?.Write(result.RootPid);
        Statistics.Finish(session, result);
        session.Log.Write(LogLevel.Information, null, "Restore finished successfully. Tasks resumed.");
        return result.RootPid;
    }
}
