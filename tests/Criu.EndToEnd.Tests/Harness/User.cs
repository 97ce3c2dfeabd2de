namespace Criu.EndToEnd.Tests.Harness;

/// <summary>The users under which targets and engines run, as prefixes of a command.</summary>
internal static class User
{
    public const int Id = 1000;

    /// <summary>An ordinary user without any capability.</summary>
    public static string[] Ordinary => ["setpriv", $"--reuid={Id}", $"--regid={Id}", "--clear-groups", "--inh-caps=-all"];

    /// <summary>The same with one capability, which the engine's documentation asks for.</summary>
    public static string[] With(string capability) => [.. Ordinary[..^1], $"--inh-caps=-all,+{capability}", $"--ambient-caps=-all,+{capability}"];

    public const int SysResource = 24;

    /// <summary>Whether this process has a capability, by its number. Root may lack some.</summary>
    public static bool Has(int capability) =>
        (Convert.ToUInt64(Proc.Text("/proc/self/status").Split('\n').Single(l => l.StartsWith("CapEff:", StringComparison.Ordinal))[7..].Trim(), 16) >> capability & 1) == 1;

    public static bool IsRoot => Libc.geteuid() == 0;
}
