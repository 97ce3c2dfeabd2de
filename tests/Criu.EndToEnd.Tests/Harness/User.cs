namespace Criu.EndToEnd.Tests.Harness;

/// <summary>The users under which targets and engines run, as prefixes of a command.</summary>
internal static class User
{
    public const int Id = 1000;

    /// <summary>An ordinary user without any capability.</summary>
    public static string[] Ordinary => ["setpriv", $"--reuid={Id}", $"--regid={Id}", "--clear-groups", "--inh-caps=-all"];

    /// <summary>The same with one capability, which the engine's documentation asks for.</summary>
    public static string[] With(string capability) => [.. Ordinary[..^1], $"--inh-caps=-all,+{capability}", $"--ambient-caps=-all,+{capability}"];

    public static bool IsRoot => Libc.geteuid() == 0;
}
