using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Every workload, one line each: what it holds is written at the top of its source.</summary>
internal static class Workloads
{
    public static readonly Workload[] All =
    [
        new("counter") { AsUser = true },
        new("threads 16") { Counters = 16, AsUser = true },
        new("tree 50") { Counters = 50, AsUser = true },
        new("pipes"),
        new("pipes packets") { ReferenceCannot = "packetized pipes are not supported" },
        new("files") { ReferenceChanges = new("fd 13 flags") },
    ];

    public static Workload Named(string command) => All.Single(w => w.Command == command);
}
