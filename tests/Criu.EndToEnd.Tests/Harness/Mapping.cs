using System.Globalization;
using System.Text.RegularExpressions;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>
/// One mapping as smaps shows it. Neighbours that differ in nothing count as one, whether the kernel merged them or not. Two flags
/// are left out: "sd", soft-dirty, which any write sets, and "ac", accounted, which a mapping gets when it was writable once. Shared
/// anonymous memory may be a memfd of the same name or of none.
/// </summary>
internal sealed partial record Mapping(ulong Start, ulong End, string Rights, ulong Offset, string File, string Name)
{
    public string Flags { get; init; } = "";

    /// <summary>The inode of a file that has no name any more says nothing; that two mappings share it does.</summary>
    public bool Nameless => Name.EndsWith("(deleted)", StringComparison.Ordinal);

    public override string ToString() => $"to {End:x} {Rights} at {Offset:x} of {File} {Name} [{Flags}]";

    public static List<Mapping> Of(string smaps)
    {
        List<Mapping> all = [];
        foreach (string line in smaps.Split('\n'))
        {
            if (First().Match(line) is { Success: true } m)
                all.Add(new(Hex(m, "start"), Hex(m, "end"), m.Groups["rights"].Value, Hex(m, "offset"), $"{m.Groups["device"]}/{m.Groups["inode"]}", Anonymous().Replace(m.Groups["name"].Value, "/dev/zero (deleted)")));
            else if (line.StartsWith("VmFlags:", StringComparison.Ordinal))
                Complete(all, string.Join(' ', line[8..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(f => f is not ("sd" or "ac"))));
        }
        return all;
    }

    private static void Complete(List<Mapping> all, string flags)
    {
        Mapping last = all[^1] = all[^1] with { Flags = flags };
        if (all.Count < 2 || !last.Continues(all[^2]))
            return;
        all[^2] = all[^2] with { End = last.End };
        all.RemoveAt(all.Count - 1);
    }

    private bool Continues(Mapping before) =>
        before.End == Start && before.Rights == Rights && before.File == File && before.Name == Name && before.Flags == Flags
        && (File.EndsWith("/0", StringComparison.Ordinal) || before.Offset + (before.End - before.Start) == Offset);

    private static ulong Hex(Match match, string group) => ulong.Parse(match.Groups[group].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^/memfd:(/dev/zero)? \(deleted\)$")]
    private static partial Regex Anonymous();

    [GeneratedRegex(@"^(?<start>[0-9a-f]+)-(?<end>[0-9a-f]+) (?<rights>....) (?<offset>[0-9a-f]+) (?<device>\S+) (?<inode>\d+)\s*(?<name>.*)$")]
    private static partial Regex First();
}
