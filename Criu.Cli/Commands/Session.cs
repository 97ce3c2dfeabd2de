using System.Diagnostics;
using Criu.Cli.CommandLine;
using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Commands;

/// <summary>What a dump and a restore have in common: directories that are looked at first, the log, and one way to fail.</summary>
internal sealed class Session : IDisposable
{
    private Session(MergedOptions options, LogWriter log) => (Options, Log) = (options, log);

    public MergedOptions Options { get; }

    public LogWriter Log { get; }

    /// <summary>Looks at the directories and opens the log.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="imagesAccess">What must be allowed in the images' directory.</param>
    public static Session Open(MergedOptions options, DirectoryAccess imagesAccess)
    {
        var common = options.Common;
        WorkPlace.Require(common.ImagesDir, "images directory", imagesAccess, "Make it, or name another with -D");
        if (common.WorkDir != common.ImagesDir)
            WorkPlace.Require(common.WorkDir, "work directory", DirectoryAccess.Write, "Make it, or name another with -W");
        var file = common.LogFile == null ? null : WorkPlace.CreateLog(Path.Combine(common.WorkDir, common.LogFile));
        var session = new Session(options, new LogWriter(Program.Start, common.Verbosity, file));
        if (session.Log.IsEnabled(LogLevel.Information))
            session.Log.Write(LogLevel.Information, null, $"{Help.OwnVersion} on Linux {Environment.OSVersion.Version}: {Environment.CommandLine}");
        foreach (string warning in options.Warnings)
            session.Log.Write(LogLevel.Warning, "options", warning);
        return session;
    }

    public string InWorkDir(string name) => Path.Combine(Options.Common.WorkDir, name);

    /// <summary>Runs an action to its last line in the log.</summary>
    /// <param name="area">What the errors are about.</param>
    /// <param name="noun">What failed, in CRIU's last line.</param>
    /// <param name="action">Answers the exit status.</param>
    public int Run(string area, string noun, Func<Session, int> action)
    {
        try
        {
            return Attempt(area, noun, action);
        }
        catch (Exception)
        {
            return 1;
        }
    }

    /// <summary>The same for a caller that wants to know the failure too. The log has it.</summary>
    public T Attempt<T>(string area, string noun, Func<Session, T> action)
    {
        try
        {
            return action(this);
        }
        catch (Exception exception)
        {
            Log.Write(LogLevel.Error, area, Failure.Describe(exception));
            if (Log.IsEnabled(LogLevel.Debug))
                Log.Detail(exception.ToString());
            Log.Write(LogLevel.Error, area, $"{noun} FAILED.");
            throw;
        }
    }

    public void Dispose() => Log.Dispose();
}
