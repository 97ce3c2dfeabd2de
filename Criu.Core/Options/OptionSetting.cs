namespace Criu.Core.Options;

/// <summary>
/// An option as somebody set it. The command line, a configuration file, the RPC and the C API all yield these, and one merge makes records of them.
/// </summary>
/// <param name="Name">The long name of the catalogue.</param>
/// <param name="Value">The value; <see cref="On"/> or <see cref="Off"/> for a switch; null where an optional value was left out.</param>
/// <param name="Origin">Where it was set and how, for messages: <c>--tree=12</c>, <c>/etc/criu/default.conf:3</c>.</param>
public readonly record struct OptionSetting(string Name, string? Value, string Origin)
{
    /// <summary>The value of a switch that was given.</summary>
    public const string On = "true";

    /// <summary>The value of a switch that was negated.</summary>
    public const string Off = "false";

    /// <summary>Whether a switch is on.</summary>
    public bool IsOn => Value != Off;
}
