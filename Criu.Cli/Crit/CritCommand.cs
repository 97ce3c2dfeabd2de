using Criu.Core;
using Criu.Core.Options;
using System.CommandLine;
using Criu.Cli.CommandLine;
using Criu.Cli.Reporting;

namespace Criu.Cli.Crit;

/// <summary><c>criu crit</c></summary>
internal static class CritCommand
{
    private const string Advice = "Try criu crit --help";

    public static int Run(string[] args)
    {
        var root = CritModel.Build();
        if (args is [])
            throw new CheckpointException("crit needs to know what to do: decode, encode, show or info", Advice);
        if (!args[0].StartsWith('-'))
            Resolve(root.Subcommands[0], args[0]);
        var line = root.Parse(["crit", .. args]);
        if (line.Errors.Count > 0 && line.Action is not System.CommandLine.Help.HelpAction)
            throw new CheckpointException($"crit {args[0]}: {Complaint(line)}", Advice);
        return Invoke(line);
    }

    private static void Resolve(Command crit, string word)
    {
        var names = crit.Subcommands.Select(command => command.Name).ToList();
        if (names.Contains(word))
            return;
        if (word == "x")
            throw new CheckpointException("crit x is not supported yet: it would show a whole directory", "crit show prints its images one by one");
        throw new CheckpointException($"crit has no action {word}", Spelling.Closest(word, names) is { } closest ? $"Is {closest} meant?" : Advice);
    }

    /// <summary>The texts of System.CommandLine are left out of the native binary, so that the words that it could not place must do.</summary>
    private static string Complaint(ParseResult line) => line.UnmatchedTokens is [var word, ..] ? $"\"{word}\" is not expected" : "an option lacks its value";

    private static int Invoke(ParseResult line)
    {
        var text = new StringWriter();
        int status = line.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = text, Error = text });
        StandardStream.WriteOut(text.ToString());
        return status;
    }
}
