using System.Globalization;
using Criu.Cli.CommandLine;
using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Commands;

/// <summary><c>criu swrk FD</c>: serves the client that started it, on a socket that it inherited.</summary>
internal static class SwrkCommand
{
    /// <summary>The word after the number that a service starts its workers with.</summary>
    public const string OfService = "service";

    public static int Run(IReadOnlyList<OptionSetting> settings, string[] words)
    {
        if (words is [_, not OfService, ..])
            throw new CheckpointException($"swrk takes no \"{words[1]}\"", "Try criu swrk --help");
        return RpcServer.Serve(Descriptor(words), new LoggingHost(settings), isService: words.Length > 1) ? 0 : 1;
    }

    internal static int Descriptor(string[] words)
    {
        string word = words is [var first, ..] ? first : throw new CheckpointException("swrk needs the number of a descriptor", "Try criu swrk --help");
        return int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int fd) ? fd
            : throw new CheckpointException($"\"{word}\" is no number of a descriptor", "Try criu swrk --help");
    }
}

/// <summary>Does what clients ask for as the command line does: the same directories, the same log, the same words.</summary>
internal sealed class LoggingHost(IReadOnlyList<OptionSetting> settings) : RpcHost
{
    public override IReadOnlyList<OptionSetting> Settings => settings;

    public override void Dump(MergedOptions options, ICheckpointListener? listener)
    {
        using var session = Session.Open(options, DirectoryAccess.Write);
        session.Attempt("dump", "Dumping", session => DumpCommand.Dump(session, options.Common.Tree!.Value, listener));
    }

    public override int Restore(MergedOptions options, ICheckpointListener? listener)
    {
        using var session = Session.Open(options, DirectoryAccess.Read);
        return session.Attempt("restore", "Restoring", session => RestoreCommand.Restore(session, listener));
    }

    public override void Check(MergedOptions options)
    {
        using var session = Session.Open(options, DirectoryAccess.Search);
        session.Attempt("check", "Checking", CheckCommand.Demand);
    }

    public override void Cpuinfo(MergedOptions options, bool isDump) => CpuinfoCommand.Attempt(options, isDump);

    public override string Describe(Exception exception) => Failure.Describe(exception);

    public override void Complain(string message) => new LogWriter(Program.Start, 1, file: null).Write(LogLevel.Error, "rpc", message);
}
