using System.CommandLine;
using System.CommandLine.Help;

namespace Criu.Cli.Crit;

/// <summary>The command line of crit, by System.CommandLine: it has no rules of its own, and nobody waits for its milliseconds.</summary>
internal static class CritModel
{
    private static readonly Option<string?> Input = new("-i", "--in") { Description = "read FILE (default: standard input)", HelpName = "FILE" };
    private static readonly Option<string?> Output = new("-o", "--out") { Description = "write FILE (default: standard output)", HelpName = "FILE" };
    private static readonly Option<bool> Pretty = new("--pretty") { Description = "in lines, with numbers as people read them" };
    private static readonly Option<bool> NoPayload = new("--nopl") { Description = "sizes instead of payloads" };
    private static readonly Argument<string?> File = new("FILE") { Description = "the image (default: standard input)", Arity = ArgumentArity.ZeroOrOne };

    public static RootCommand Build()
    {
        var crit = new Command("crit", "Prints and edits images.");
        var root = new RootCommand { crit };
        root.Options.Clear();
        root.Options.Add(new HelpOption("--help", "-h"));
        crit.Subcommands.Add(Action("decode", "make JSON of an image", [Input, Output, Pretty, NoPayload], Decode));
        crit.Subcommands.Add(Action("encode", "make an image of JSON", [Input, Output], line => CritActions.Encode(line.GetValue(Input), line.GetValue(Output))));
        crit.Subcommands.Add(Action("show", "print an image: decode --pretty", [NoPayload], Show, File));
        crit.Subcommands.Add(Action("info", "tell kind and size of an image", [], line => CritActions.Info(line.GetValue(File)), File));
        return root;
    }

    private static void Decode(ParseResult line) =>
        CritActions.Decode(line.GetValue(Input), line.GetValue(Output), line.GetValue(Pretty), line.GetValue(NoPayload));

    private static void Show(ParseResult line) => CritActions.Decode(line.GetValue(File), to: null, pretty: true, line.GetValue(NoPayload));

    private static Command Action(string name, string summary, Option[] options, Action<ParseResult> act, params Argument[] arguments)
    {
        var command = new Command(name, summary);
        foreach (var option in options)
            command.Options.Add(option);
        foreach (var argument in arguments)
            command.Arguments.Add(argument);
        command.SetAction(line =>
        {
            act(line);
            return 0;
        });
        return command;
    }
}
