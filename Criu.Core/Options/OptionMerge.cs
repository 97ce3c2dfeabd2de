namespace Criu.Core.Options;

/// <summary>Makes records of settings. Later ones win; an option that is refused ends it, by name.</summary>
public static class OptionMerge
{
    /// <summary>Merges settings in the order given, e.g. configuration files before the command line.</summary>
    /// <exception cref="CheckpointException">An option that is unknown or refused, or a value that is none.</exception>
    public static MergedOptions Merge(IEnumerable<OptionSetting> settings)
    {
        var merged = new MergedOptions();
        foreach (var setting in settings)
            merged = Apply(merged, setting);
        return merged;
    }

    private static MergedOptions Apply(MergedOptions merged, OptionSetting setting)
    {
        var option = OptionCatalogue.RowOf(setting) ?? throw new CheckpointException($"There is no option {setting.Name} ({setting.Origin})");
        // Whoever asks for the absence of something that does not exist has it.
        bool absent = option.Effect == null && setting.Value == OptionSetting.Off;
        return option.Support switch
        {
            _ when absent || option.InertValue != null && option.InertValue == setting.Value => merged,
            OptionSupport.Refused when option.Effect == null => throw Refuse(option, setting),
            OptionSupport.NoEffect => Warn(option.Effect?.Invoke(merged, setting) ?? merged, option, setting),
            _ => option.Effect?.Invoke(merged, setting) ?? merged,
        };
    }

    internal static CheckpointException Refuse(OptionDescription option, OptionSetting setting) =>
        new($"{Shown(option, setting)} is not supported yet: {option.Note}", option.InertValue == null ? null : $"The one value taken is {option.InertValue}");

    private static MergedOptions Warn(MergedOptions merged, OptionDescription option, OptionSetting setting)
    {
        string warning = $"{Shown(option, setting)} has no effect yet: {option.Note}";
        bool isKnown = merged.Warnings.Any(other => other.StartsWith($"{option.Shown} ", StringComparison.Ordinal));
        return isKnown ? merged : merged with { Warnings = [.. merged.Warnings, warning] };
    }

    /// <summary>The option by its name, and as it was written where that differs.</summary>
    private static string Shown(OptionDescription option, OptionSetting setting) =>
        setting.Origin.StartsWith(option.Shown, StringComparison.Ordinal) ? option.Shown : $"{option.Shown} ({setting.Origin})";
}
