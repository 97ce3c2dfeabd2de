using static Criu.Core.Options.OptionActions;
using static Criu.Core.Options.OptionArgument;
using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// Log, statistics, check, and the rest.
public static partial class OptionCatalogue
{
    private static OptionDescription[] Logging() =>
    [
        new("log-file", Supported, "write the log to FILE, relative to the work directory (default: standard error)")
        {
            Group = OptionGroup.Logging, Short = 'o', Argument = Required, ValueName = "FILE", Actions = Both | Service, RpcField = "log_file", CSetter = "criu_set_log_file",
            Effect = (o, s) => o with { Common = o.Common with { LogFile = OptionValues.Text(s, "the file name") } },
        },
        new("verbosity", Supported, "0 quiet, 1 errors, 2 warnings (default), 3 information, 4 debug; each v without a number adds one")
        {
            Group = OptionGroup.Logging, Short = 'v', Argument = Optional, ValueName = "LEVEL", Actions = OptionActions.All,
            RpcField = "log_level", CSetter = "criu_set_log_level",
            Effect = (o, s) => o with { Common = o.Common with { Verbosity = OptionValues.Verbosity(o.Common.Verbosity, s) } },
        },
        new("log-pid", AlwaysSo, "a log of its own for each restored process")
        {
            Group = OptionGroup.Logging, Negatable = true, Actions = Restore, Note = "restored processes run no code that could log",
        },
        new("display-stats", Supported, "print the statistics at the end")
        {
            Group = OptionGroup.Logging, Negatable = true, RpcField = "display_stats",
            Effect = (o, s) => o with { Common = o.Common with { DisplayStats = s.IsOn } },
        },
    ];

    private static OptionDescription[] Checks() =>
    [
        new("feature", Supported, "probe this feature only; list: print all names")
        {
            Group = OptionGroup.Check, Argument = Required, ValueName = "NAME", Actions = OptionActions.Check,
            Effect = (o, s) => o with { Check = o.Check with { Features = [.. o.Check.Features, OptionValues.Text(s, "the name")] } },
        },
        new("extra", Supported, "also probe what only some trees need")
        {
            Group = OptionGroup.Check, Negatable = true, Actions = OptionActions.Check,
            Effect = (o, s) => o with { Check = o.Check with { Extra = s.IsOn } },
        },
        new("experimental", Supported, "also probe what is tried out")
        {
            Group = OptionGroup.Check, Negatable = true, Actions = OptionActions.Check,
            Effect = (o, s) => o with { Check = o.Check with { Experimental = s.IsOn } },
        },
        new("all", Supported, "the same as --extra --experimental")
        {
            Group = OptionGroup.Check, Actions = OptionActions.Check,
            Effect = (o, s) => o with { Check = o.Check with { Extra = true, Experimental = true } },
        },
        new("ms", AlwaysSo, "leave out features of kernels that are not released")
        {
            Group = OptionGroup.Check, Actions = OptionActions.Check, Note = "no such feature is probed",
        },
    ];

    private static OptionDescription[] Others() =>
    [
        new("config", Supported, "read options from FILE too, instead of the default files")
        {
            Group = OptionGroup.Other, Argument = Required, ValueName = "FILE", Actions = OptionActions.All, RpcField = "config_file", CSetter = "criu_set_config_file",
            Effect = (o, s) => File.Exists(s.Value) ? o : o with { Warnings = [.. o.Warnings, $"There is no configuration file {s.Value} ({s.Origin})"] },
        },
        new("no-default-config", Supported, "do not read /etc/criu/default.conf and ~/.criu/default.conf") { Group = OptionGroup.Other, Actions = OptionActions.All },
        new("deprecated", AlwaysSo, "allow what is deprecated")
        {
            Group = OptionGroup.Other, Negatable = true, Actions = OptionActions.All, Note = "nothing here is deprecated",
        },
        new("help", Supported, "print help") { Group = OptionGroup.Other, Short = 'h', Actions = OptionActions.All },
        new("version", Supported, "print the version") { Group = OptionGroup.Other, Short = 'V', Actions = OptionActions.All },
    ];
}
