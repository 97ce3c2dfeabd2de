namespace Criu.Core.Options;

/// <summary>
/// Which configuration files count, weakest first: /etc/criu/default.conf, ~/.criu/default.conf, the file of CRIU_CONFIG_FILE, that of <c>--config</c> (which stands in for the first two); then whatever
/// was given on the command line or by the RPC. As in CRIU, none need exist.
/// </summary>
public static class ConfigSources
{
    private const string GlobalFile = "/etc/criu/default.conf", FileVariable = "CRIU_CONFIG_FILE";

    /// <summary>The settings of the files, followed by those given.</summary>
    /// <param name="given">From the command line or the RPC; <c>config</c> and <c>no-default-config</c> among them are obeyed.</param>
    /// <param name="home">Home directory of the user; null where none counts.</param>
    /// <exception cref="CheckpointException">A file cannot be read, or one of its lines is no option.</exception>
    public static IReadOnlyList<OptionSetting> Before(IReadOnlyList<OptionSetting> given, string? home)
    {
        var files = given.Where(setting => setting.Name == "config" && setting.Value != null).Select(setting => setting.Value!).TakeLast(1).ToList();
        var paths = new List<string>();
        if (files.Count == 0 && !given.Any(setting => setting.Name == "no-default-config" && setting.IsOn))
            paths.AddRange(home == null ? [GlobalFile] : [GlobalFile, Path.Combine(home, ".criu", "default.conf")]);
        if (Environment.GetEnvironmentVariable(FileVariable) is { Length: > 0 } named)
            paths.Add(named);
        paths.AddRange(files);
        return [.. paths.SelectMany(path => ConfigFile.TryRead(path) ?? []), .. given];
    }
}
