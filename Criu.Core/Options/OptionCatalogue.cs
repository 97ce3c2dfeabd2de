namespace Criu.Core.Options;

/// <summary>
/// Every option of CRIU 4.2, one row each: the one place that says how it is written, what it means and what becomes of it. Command line, help,
/// configuration files, RPC and C API read it; tests compare it with CRIU's list of options and with the fields of its requests.
/// </summary>
public static partial class OptionCatalogue
{
    /// <summary>What a command line or a configuration file can set, in the order of the help.</summary>
    public static IReadOnlyList<OptionDescription> CommandLine { get; } =
        [.. Generic(), .. External(), .. Resources(), .. Cgroups(), .. Namespaces(), .. Memory(), .. Servers(), .. Logging(), .. Checks(), .. Others()];

    /// <summary>All rows: those, and the fields that exist in requests alone.</summary>
    public static IReadOnlyList<OptionDescription> All { get; } = [.. CommandLine, .. Requests()];

    /// <summary>The row of a long name; null where CRIU has no such option.</summary>
    public static OptionDescription? Find(string name) => Find(name, CommandLine);

    private static OptionDescription? Find(string name, IReadOnlyList<OptionDescription> rows)
    {
        foreach (var option in rows)
            if (option.Name == name)
                return option;
        return null;
    }

    /// <summary>The row that a setting is of, whoever sets it; null where there is none.</summary>
    internal static OptionDescription? RowOf(OptionSetting setting) => Find(setting.Name, All);

    /// <summary>The row of a short form; null where CRIU has none.</summary>
    public static OptionDescription? Find(char letter)
    {
        foreach (var option in CommandLine)
            if (option.Short == letter)
                return option;
        return null;
    }
}
