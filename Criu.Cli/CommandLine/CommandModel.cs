using System.CommandLine;
using System.CommandLine.Help;
using Criu.Core.Options;

namespace Criu.Cli.CommandLine;

/// <summary>
/// The catalogues as commands of System.CommandLine, for help and completion. It is not on the way of a dump or restore: drivers of CRIU count on getopt's
/// rules and on the order of options, and behind <see cref="GetOpt"/> nothing is left for another parser to do (building and parsing would take 0.2 ms).
/// </summary>
internal static class CommandModel
{
    public static RootCommand Build()
    {
        var root = new RootCommand("Freezes trees of Linux processes into images, and brings them back.");
        root.Options.Clear();
        foreach (var action in ActionCatalogue.All)
            root.Subcommands.Add(new CatalogueCommand(action));
        AddOptions(root, OptionActions.All);
        root.Options.Add(new HelpOption("--help", "-h") { Action = new HelpPage(), Recursive = true });
        return root;
    }

    /// <summary>The options that have a meaning for <paramref name="actions"/>.</summary>
    internal static void AddOptions(Command command, OptionActions actions)
    {
        foreach (var option in OptionCatalogue.CommandLine)
            if (option.Name != "help" && actions != OptionActions.None && (option.Actions & actions) == actions)
                command.Options.Add(new CatalogueOption(option));
    }
}

/// <summary>A row of the catalogue of actions.</summary>
internal sealed class CatalogueCommand : Command
{
    public CatalogueCommand(ActionDescription row) : base(row.Name, row.Summary)
    {
        Row = row;
        Hidden = row.Refusal != null;
        CommandModel.AddOptions(this, row.Options);
    }

    public ActionDescription Row { get; }
}

/// <summary>A row of the catalogue of options.</summary>
internal sealed class CatalogueOption : Option<string>
{
    public CatalogueOption(OptionDescription row) : base("--" + row.Name, row.Short is { } letter ? [$"-{letter}"] : [])
    {
        Row = row;
        Description = row.Help;
        HelpName = row.ValueName;
        Hidden = row.Support != OptionSupport.Supported;
        Arity = row.Argument switch
        {
            OptionArgument.None => ArgumentArity.Zero,
            OptionArgument.Optional => ArgumentArity.ZeroOrOne,
            _ => ArgumentArity.ExactlyOne,
        };
    }

    public OptionDescription Row { get; }
}
