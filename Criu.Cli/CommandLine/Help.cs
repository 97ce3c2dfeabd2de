using System.CommandLine;
using Criu.Cli.Reporting;
using Criu.Core;

namespace Criu.Cli.CommandLine;

/// <summary>Everything that is printed instead of being done.</summary>
internal static class Help
{
    /// <summary>The version of CRIU whose images, options and RPC these are: what its drivers look for.</summary>
    private const string CriuVersion = "4.2";

    public static string OwnVersion => $"Criu.Modules {typeof(Help).Assembly.GetName().Version?.ToString(3)} (C#)";

    /// <summary>Help on the action named first, or on the whole.</summary>
    public static int Print(IReadOnlyList<string> words) => Invoke(words.Count > 0 && Known(words[0]) ? [words[0], "--help"] : ["--help"]);

    /// <summary>Completion, as the tool dotnet-suggest asks for it.</summary>
    public static int Suggest(string[] args) => Invoke(args);

    public static int PrintVersion()
    {
        StandardStream.WriteOut($"Version: {CriuVersion}\n{OwnVersion}\n");
        return 0;
    }

    private static bool Known(string word) => Array.Exists(ActionCatalogue.All, action => action.Name == word)
        ? true : throw new CheckpointException($"There is no action {word}", "Try criu --help");

    private static int Invoke(string[] args)
    {
        var text = new StringWriter();
        int status = CommandModel.Build().Parse(args).Invoke(new InvocationConfiguration { Output = text, Error = text });
        StandardStream.WriteOut(text.ToString());
        return status;
    }
}
