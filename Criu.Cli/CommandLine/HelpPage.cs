using System.CommandLine;
using System.CommandLine.Invocation;
using Criu.Core.Options;

namespace Criu.Cli.CommandLine;

/// <summary>Writes the help of a command: usage, options by theme, what has no effect or is refused and why, examples.</summary>
internal sealed class HelpPage : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var command = parseResult.CommandResult.Command;
        var page = new TextTable(parseResult.InvocationConfiguration.Output);
        if (command is CatalogueCommand { Row: var action })
            WriteAction(page, action, command);
        else
            WriteRoot(page, command);
        return 0;
    }

    private static void WriteRoot(TextTable page, Command root)
    {
        page.Line(root.Description!);
        page.Heading("Usage");
        page.Row("criu ACTION [OPTIONS]", "options may stand anywhere; long names may be cut short");
        page.Row("criu ACTION --help", "more about an action");
        page.Heading("Actions");
        foreach (var action in ActionCatalogue.All)
            if (action.Refusal == null)
                page.Row(action.Name, action.Summary);
        page.Heading("Not supported yet");
        foreach (var action in ActionCatalogue.All)
            if (action.Refusal != null)
                page.Row(action.Name, $"{action.Summary}: {action.Refusal}");
        WriteOptions(page, root);
        page.Heading("Examples");
        foreach (var action in ActionCatalogue.All)
            if (action.Examples is [var first, ..])
                page.Row(first.Command, first.Effect);
    }

    private static void WriteAction(TextTable page, ActionDescription action, Command command)
    {
        page.Line($"criu {action.Name}: {action.Summary}");
        page.Heading("Usage");
        page.Row($"criu {action.Name} {action.Usage}", "");
        WriteOptions(page, command);
        if (action.Examples.Length > 0)
            page.Heading("Examples");
        foreach (var (line, effect) in action.Examples)
            page.Row(line, effect);
    }

    private static void WriteOptions(TextTable page, Command command)
    {
        var rows = command.Options.OfType<CatalogueOption>().Select(option => option.Row).ToList();
        foreach (var group in rows.Where(row => row.Support == OptionSupport.Supported).GroupBy(row => row.Group))
        {
            page.Heading(Title(group.Key));
            foreach (var row in group)
                page.Row(Spelling(row), row.Help);
        }
        WriteReasons(page, "Taken, since it is always so", rows, OptionSupport.AlwaysSo);
        WriteReasons(page, "Taken without effect yet", rows, OptionSupport.NoEffect);
        WriteReasons(page, "Refused yet", rows, OptionSupport.Refused);
    }

    /// <summary>Options of the same fate, by its reason.</summary>
    private static void WriteReasons(TextTable page, string title, List<OptionDescription> rows, OptionSupport fate)
    {
        var reasons = rows.Where(row => row.Support == fate).GroupBy(row => row.Note).ToList();
        if (reasons.Count > 0)
            page.Heading(title);
        foreach (var reason in reasons)
        {
            page.Row(reason.Key + ":", "");
            page.Paragraph(string.Join(", ", reason.Select(row => Spelling(row).Trim().Replace(' ', '\u00a0'))));
        }
    }

    private static string Spelling(OptionDescription row)
    {
        string letter = row.Short is { } present ? $"-{present}, " : "    ";
        string value = row.Argument switch { OptionArgument.None => "", OptionArgument.Required => $" {row.ValueName}", _ => $"[={row.ValueName}]" };
        return $"{letter}--{(row.Negatable ? "[no-]" : "")}{row.Name}{value}";
    }

    private static string Title(OptionGroup group) => group switch
    {
        OptionGroup.Generic => "What to do",
        OptionGroup.External => "What lives outside the tree",
        OptionGroup.Resources => "Files, sockets, control groups",
        OptionGroup.Namespaces => "Namespaces",
        OptionGroup.Memory => "Memory",
        OptionGroup.Servers => "Servers",
        OptionGroup.Logging => "Log and statistics",
        OptionGroup.Check => "What to probe",
        _ => "Other",
    };
}
