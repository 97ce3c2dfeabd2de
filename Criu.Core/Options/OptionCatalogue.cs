namespace Criu.Core.Options;

/// <summary>
/// Every option of CRIU 4.2, one row each: the one place that says how it is written, what it means and what becomes of it. Command line, help,
/// configuration files, RPC and C API read it; a test compares it with CRIU's list.
/// </summary>
public static partial class OptionCatalogue
{
    /// <summary>All rows, in the order of the help.</summary>
    public static IReadOnlyList<OptionDescription> All { get; } =
        [.. Generic(), .. External(), .. Resources(), .. Cgroups(), .. Namespaces(), .. Memory(), .. Servers(), .. Logging(), .. Checks(), .. Others()];

    /// <summary>The row of a long name; null where CRIU has no such option.</summary>
    public static OptionDescription? Find(string name)
    {
        foreach (var option in All)
            if (option.Name == name)
                return option;
        return null;
    }

    /// <summary>The row of a short form; null where CRIU has none.</summary>
    public static OptionDescription? Find(char letter)
    {
        foreach (var option in All)
            if (option.Short == letter)
                return option;
        return null;
    }
}
