using Criu.Core.Options;

namespace Criu.Cli.CommandLine;

/// <summary>A long name as it can stand on a command line: that of an option, or <c>no-</c> and that of one which can be negated.</summary>
internal readonly record struct LongName(OptionDescription Option, bool Negated)
{
    public string Full => Negated ? "no-" + Option.Name : Option.Name;

    /// <summary>The name that this is, or the only one that begins so.</summary>
    public static LongName Resolve(string text)
    {
        if (Exact(text) is { } exact)
            return exact;
        var candidates = All().FindAll(name => text.Length > 0 && name.Full.StartsWith(text, StringComparison.Ordinal));
        return candidates.Count switch
        {
            1 => candidates[0],
            0 => throw new UsageException($"There is no option --{text}", Advice(text)),
            _ => throw new UsageException($"--{text} is ambiguous: {string.Join(", ", candidates.ConvertAll(name => "--" + name.Full))}"),
        };
    }

    public static LongName? Exact(string text)
    {
        if (OptionCatalogue.Find(text) is { } option)
            return new LongName(option, Negated: false);
        bool negation = text.StartsWith("no-", StringComparison.Ordinal);
        return negation && OptionCatalogue.Find(text[3..]) is { Negatable: true } positive ? new LongName(positive, Negated: true) : null;
    }

    /// <summary>The name that may have been meant.</summary>
    public static string Advice(string text)
    {
        string? closest = Spelling.Closest(text, All().ConvertAll(name => name.Full));
        return closest == null ? "Try criu --help" : $"Is --{closest} meant?";
    }

    private static List<LongName> All()
    {
        var names = new List<LongName>();
        foreach (var option in OptionCatalogue.All)
        {
            names.Add(new LongName(option, Negated: false));
            if (option.Negatable)
                names.Add(new LongName(option, Negated: true));
        }
        return names;
    }
}
