using Criu.Core.Options;

namespace Criu.Cli.CommandLine;

/// <summary>A command line, read as getopt_long(3) does: options in the order given, and the words that are none.</summary>
internal sealed record ParsedLine(IReadOnlyList<OptionSetting> Settings, IReadOnlyList<string> Words)
{
    public bool Has(string option)
    {
        foreach (var setting in Settings)
            if (setting.Name == option)
                return true;
        return false;
    }
}
