using Criu.Core;
using Criu.Core.Options;

namespace Criu.Cli.CommandLine;

/// <summary>
/// Reads a command line as getopt_long(3) does, since whatever drives CRIU writes one for it: values attached or in the next word, letters in one word
/// (<c>-sjv4</c>), long names cut short while they are unique, options behind other words, <c>--</c>. Names come from the catalogue.
/// </summary>
internal sealed class GetOpt
{
    private readonly string[] args;
    private readonly List<OptionSetting> settings = [];
    private readonly List<string> words = [];
    private int next;

    private GetOpt(string[] args) => this.args = args;

    public static ParsedLine Parse(string[] args)
    {
        var reader = new GetOpt(args);
        while (reader.next < args.Length)
            reader.ReadWord(args[reader.next++]);
        return new ParsedLine(reader.settings, reader.words);
    }

    private void ReadWord(string word)
    {
        if (word == "--")
            while (next < args.Length)
                words.Add(args[next++]);
        else if (word.StartsWith("--", StringComparison.Ordinal))
            ReadLong(word, LongName.Resolve(NameOf(word, 2)), ValueOf(word));
        else if (word.Length > 1 && word[0] == '-')
            ReadLetters(word);
        else
            words.Add(word);
    }

    private static string NameOf(string word, int dashes)
    {
        int end = word.IndexOf('=');
        return end < 0 ? word[dashes..] : word[dashes..end];
    }

    private static string? ValueOf(string word)
    {
        int equals = word.IndexOf('=');
        return equals < 0 ? null : word[(equals + 1)..];
    }

    private void ReadLong(string word, LongName name, string? value)
    {
        var option = name.Option;
        bool takesValue = option.Argument != OptionArgument.None && !name.Negated;
        if (value != null && !takesValue)
            throw new CheckpointException($"--{name.Full} takes no value, but is written {word}");
        string origin = word;
        if (value == null && option.Argument == OptionArgument.Required && !name.Negated)
            origin = $"{word} {value = NextWord($"--{option.Name}", option)}";
        string? taken = takesValue ? value : name.Negated ? OptionSetting.Off : OptionSetting.On;
        settings.Add(new OptionSetting(option.Name, taken, Canonical(name, word, origin)));
    }

    /// <summary>A name that was cut short is shown in full.</summary>
    private static string Canonical(LongName name, string word, string origin) =>
        NameOf(word, word.StartsWith("--", StringComparison.Ordinal) ? 2 : 1) == name.Full ? origin : $"--{name.Full}, written {origin}";

    private void ReadLetters(string word)
    {
        for (int at = 1; at < word.Length; at++)
        {
            var option = OptionCatalogue.Find(word[at]);
            string rest = word[(at + 1)..];
            // A long name behind one dash, where letters make no sense: a test suite writes "check -verbosity=0".
            if (at == 1 && (option == null || (option.Short == 'v' && !IsLevel(rest))) && LongName.Exact(NameOf(word, 1)) is { } name)
            {
                ReadLong(word, name, ValueOf(word));
                return;
            }
            if (option == null)
                throw new CheckpointException($"There is no option -{word[at]}" + (word.Length > 2 ? $" (in {word})" : ""), LongName.Advice(NameOf(word, 1)));
            if (option.Argument == OptionArgument.None)
                settings.Add(new OptionSetting(option.Name, OptionSetting.On, $"-{word[at]}"));
            else
            {
                ReadLetterValue(option, rest);
                return;
            }
        }
    }

    /// <summary>What follows the letter is its value; where nothing does, a value that must be there is the next word.</summary>
    private void ReadLetterValue(OptionDescription option, string rest)
    {
        string origin = $"-{option.Short}{rest}";
        string? value = rest.Length > 0 ? rest : null;
        if (value == null && option.Argument == OptionArgument.Required)
            origin = $"-{option.Short} {value = NextWord($"-{option.Short}", option)}";
        settings.Add(new OptionSetting(option.Name, value, origin));
    }

    private static bool IsLevel(string text) => text.Trim('v').Length == 0 || text.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0;

    private string NextWord(string shown, OptionDescription option) =>
        next < args.Length ? args[next++] : throw new CheckpointException($"{shown} needs a value: {option.ValueName}");
}
