using System.Text.RegularExpressions;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>One program of tests/workloads with its arguments, and what a test must know about it.</summary>
internal sealed record Workload(string Command)
{
    public string Program => Command.Split(' ')[0];

    public string[] Arguments => Command.Split(' ')[1..];

    /// <summary>How many counters tick.</summary>
    public int Counters { get; init; } = 1;

    /// <summary>The counter that must not move meanwhile.</summary>
    public string? StandsStill { get; init; }

    /// <summary>Also run as an ordinary user without any capability.</summary>
    public bool AsUser { get; init; }

    /// <summary>What may differ between two looks at it, because it changes by itself (see <see cref="ProcessPicture"/>).</summary>
    public Regex? Changes { get; init; }

    /// <summary>Why CRIU 4.2 itself does not dump and restore it right on the kernels where this was tried; null if it does.</summary>
    public string? ReferenceCannot { get; init; }

    /// <summary>Why it is only dumped and left running: the images have no place for what it has.</summary>
    public string? NotInImages { get; init; }

    /// <summary>What CRIU 4.2 does not bring back as it was, without harm to the workload.</summary>
    public Regex? ReferenceChanges { get; init; }

    /// <summary>Runs in a network namespace of its own, and so do the engines: they hold traffic there, and addresses are free.</summary>
    public bool OwnNetwork { get; init; }

    /// <summary>Options that both dump and restore need.</summary>
    public string[] Options { get; init; } = [];
}
