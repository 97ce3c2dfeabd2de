using System.Diagnostics;
using Criu.Cli.CommandLine;
using Criu.Cli.Commands;
using Criu.Cli.Crit;
using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Linux.Abi;

namespace Criu.Cli;

internal static class Program
{
    /// <summary>When the process started, for the log: in ticks of <see cref="Stopwatch"/>.</summary>
    public static long Start { get; private set; }

    public static int Main(string[] args)
    {
        Start = Stopwatch.GetTimestamp();
        ChildSignal.StopIgnoring();
        try
        {
            return args is ["crit", ..] ? CritCommand.Run(args[1..]) : Run(args);
        }
        catch (Exception exception)
        {
            StandardStream.WriteError($"Error (criu): {Failure.Describe(exception)}\n");
            return 1;
        }
    }

    private static int Run(string[] args)
    {
        if (args is [['[', ..], ..])
            return Help.Suggest(args);
        if (args is ["help", ..])
            return Help.Print(args[1..]);
        var line = GetOpt.Parse(args);
        if (line.Has("version"))
            return Help.PrintVersion();
        if (line.Has("help"))
            return Help.Print(line.Words);
        if (line.Words.Count == 0)
            throw new CheckpointException("No action is given", "Try criu --help");
        var action = ActionCatalogue.Resolve(line.Words[0]);
        // A server reads them with each request: whose count, and what is wrong with them, is for the answer.
        var settings = action.Name == "swrk" ? line.Settings : ConfigSources.Before(line.Settings, Environment.GetEnvironmentVariable("HOME"));
        var options = OptionMerge.Merge(settings);
        if (options.Common.ExecutesCommand && action.Name == "restore")
            options = options with { Common = options.Common with { Command = [.. line.Words.Skip(1)] } };
        else if (line.Words.Count > 1 + action.Words)
            throw new CheckpointException($"{action.Name} takes no \"{line.Words[1 + action.Words]}\"", $"Try criu {action.Name} --help");
        CloseDescriptors(options.Common.CloseFds);
        string[] words = [.. line.Words.Skip(1)];
        return action.Name == "swrk" ? SwrkCommand.Run(settings, words) : Run(action.Name, options, words);
    }

    private static int Run(string action, MergedOptions options, string[] words) => action switch
    {
        "dump" => DumpCommand.Run(options),
        "restore" => RestoreCommand.Run(options),
        "check" => CheckCommand.Run(options),
        "service" => ServiceCommand.Run(options, words),
        "cpuinfo" => CpuinfoCommand.Run(options, words),
        _ => throw new CheckpointException("crit stands first: criu crit decode|encode|show|info"),
    };

    private static void CloseDescriptors(IReadOnlyList<int> fds)
    {
        foreach (int fd in fds)
            if (Kernel.Failed(Kernel.Call(Nr.close, fd)))
                throw new CheckpointException($"--close {fd}: there is no descriptor {fd}");
    }
}
