namespace Criu.Core.Options;

/// <summary>A long name as it can stand on a command line or in a configuration file: that of an option, or <c>no-</c> and that of one which can be negated.</summary>
/// <param name="Option">The option.</param>
/// <param name="Negated">Whether <c>no-</c> stands before it.</param>
public readonly record struct LongName(OptionDescription Option, bool Negated)
{
    /// <summary>The whole name, without dashes.</summary>
    public string Full => Negated ? "no-" + Option.Name : Option.Name;

    /// <summary>The name that this is, or the only one that begins so.</summary>
    /// <param name="text">The name, perhaps cut short, without dashes.</param>
    /// <exception cref="CheckpointException">There is none, or more than one.</exception>
    public static LongName Resolve(string text)
    {
        if (Exact(text) is { } exact)
            return exact;
        var candidates = All().FindAll(name => text.Length > 0 && name.Full.StartsWith(text, StringComparison.Ordinal));
        return candidates.Count switch
        {
            1 => candidates[0],
            0 => throw new CheckpointException($"There is no option --{text}", Advice(text)),
            _ => throw new CheckpointException($"--{text} is ambiguous: {string.Join(", ", candidates.ConvertAll(name => "--" + name.Full))}"),
        };
    }

    /// <summary>The name that this is; null where it is none.</summary>
    /// <param name="text">The name, without dashes.</param>
    public static LongName? Exact(string text)
    {
        if (OptionCatalogue.Find(text) is { } option)
            return new LongName(option, Negated: false);
        bool negation = text.StartsWith("no-", StringComparison.Ordinal);
        return negation && OptionCatalogue.Find(text[3..]) is { Negatable: true } positive ? new LongName(positive, Negated: true) : null;
    }

    /// <summary>Which name may have been meant.</summary>
    /// <param name="text">What was written.</param>
    public static string Advice(string text)
    {
        string? closest = Spelling.Closest(text, All().ConvertAll(name => name.Full));
        return closest == null ? "Try criu --help" : $"Is --{closest} meant?";
    }

    private static List<LongName> All()
    {
        var names = new List<LongName>();
        foreach (var option in OptionCatalogue.CommandLine)
        {
            names.Add(new LongName(option, Negated: false));
            if (option.Negatable)
                names.Add(new LongName(option, Negated: true));
        }
        return names;
    }
}
