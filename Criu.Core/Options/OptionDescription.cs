namespace Criu.Core.Options;

/// <summary>Whether an option takes a value, as getopt_long(3) has it.</summary>
public enum OptionArgument
{
    /// <summary>A switch.</summary>
    None,

    /// <summary>A value, attached by <c>=</c> or the next word.</summary>
    Required,

    /// <summary>A value only where it is attached.</summary>
    Optional,
}

/// <summary>What becomes of an option of CRIU here.</summary>
public enum OptionSupport
{
    /// <summary>It does what it does in CRIU.</summary>
    Supported,

    /// <summary>What it asks for is always so: taken without a word.</summary>
    AlwaysSo,

    /// <summary>It only concerns objects that are refused by name anyway: taken with a warning.</summary>
    NoEffect,

    /// <summary>Going on without it would do something else than asked for: refused by name.</summary>
    Refused,
}

/// <summary>The actions that an option has a meaning for. As in CRIU, one given to another action is taken and does nothing.</summary>
[Flags]
public enum OptionActions
{
    /// <summary>None of the actions that exist.</summary>
    None = 0,

    /// <summary><c>criu dump</c>.</summary>
    Dump = 1,

    /// <summary><c>criu restore</c>.</summary>
    Restore = 2,

    /// <summary><c>criu check</c>.</summary>
    Check = 4,

    /// <summary>Dump and restore.</summary>
    Both = Dump | Restore,

    /// <summary><c>criu service</c>.</summary>
    Service = 8,

    /// <summary><c>criu cpuinfo</c>.</summary>
    Cpuinfo = 16,

    /// <summary>Every action.</summary>
    All = Dump | Restore | Check | Service | Cpuinfo,
}

/// <summary>The heading that an option stands under in the help.</summary>
public enum OptionGroup
{
    /// <summary>What to work on, and what becomes of it.</summary>
    Generic,

    /// <summary>Objects that live outside the tree.</summary>
    External,

    /// <summary>Files, sockets, devices, control groups.</summary>
    Resources,

    /// <summary>Mounts, networks and other namespaces.</summary>
    Namespaces,

    /// <summary>Pages: incremental, lazy, remote.</summary>
    Memory,

    /// <summary>Sockets and certificates of the servers.</summary>
    Servers,

    /// <summary>Log and statistics.</summary>
    Logging,

    /// <summary>What to probe.</summary>
    Check,

    /// <summary>Configuration files, help, version.</summary>
    Other,
}

/// <summary>One option of CRIU: how it is written in each place that it can come from, what it means, and what becomes of it here.</summary>
/// <param name="Name">The long name, without dashes; of a field that is no option of the command line, the field's.</param>
/// <param name="Support">What becomes of it.</param>
/// <param name="Help">What it asks for, in a line.</param>
public sealed record OptionDescription(string Name, OptionSupport Support, string Help)
{
    /// <summary>The letter of the short form.</summary>
    public char? Short { get; init; }

    /// <summary>Whether it takes a value.</summary>
    public OptionArgument Argument { get; init; }

    /// <summary>What the help calls the value.</summary>
    public string? ValueName { get; init; }

    /// <summary>Whether <c>--no-NAME</c> exists.</summary>
    public bool Negatable { get; init; }

    /// <summary>The actions that it has a meaning for.</summary>
    public OptionActions Actions { get; init; } = OptionActions.Both;

    /// <summary>Where the help lists it.</summary>
    public OptionGroup Group { get; init; }

    /// <summary>Field of <c>criu_opts</c> in rpc.proto; null where the RPC has none.</summary>
    public string? RpcField { get; init; }

    /// <summary>Whether it is a field of requests alone, which neither a command line nor a configuration file can set.</summary>
    public bool OnlyInRequests { get; init; }

    /// <summary>Function of libcriu that sets it; null where there is none.</summary>
    public string? CSetter { get; init; }

    /// <summary>Why it has no effect or is refused, as the end of a sentence; for a supported one null.</summary>
    public string? Note { get; init; }

    /// <summary>A value that asks for what is so anyway: taken without a word.</summary>
    public string? InertValue { get; init; }

    /// <summary>As messages call it.</summary>
    internal string Shown => OnlyInRequests ? Name : $"--{Name}";

    /// <summary>What a setting does to the options merged so far; null where nothing.</summary>
    internal Func<MergedOptions, OptionSetting, MergedOptions>? Effect { get; init; }
}
