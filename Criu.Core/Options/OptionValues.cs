using System.Globalization;

namespace Criu.Core.Options;

/// <summary>Reads the values of options; what cannot be read is told with an example of what can.</summary>
internal static class OptionValues
{
    public static int Number(OptionSetting setting, int least, string what)
    {
        if (int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least)
            return number;
        throw new CheckpointException($"{setting.Origin}: \"{setting.Value}\" is not {what}");
    }

    public static string Text(OptionSetting setting, string what) =>
        string.IsNullOrEmpty(setting.Value) ? throw new CheckpointException($"{setting.Origin}: {what} is empty") : setting.Value;

    /// <summary>A number sets the level; nothing raises it by one; letters v, as in <c>-vvv</c>, by one more each.</summary>
    public static int Verbosity(int before, OptionSetting setting)
    {
        string value = setting.Value ?? "";
        return value.Trim('v').Length == 0 ? before + 1 + value.Length : Number(setting, 0, "a level from 0 to 4, e.g. -v4");
    }

    /// <summary>As good as for ever.</summary>
    public static readonly TimeSpan NoLimit = TimeSpan.FromDays(10_000);

    /// <summary>Seconds; 0 takes the limit away, as in CRIU.</summary>
    public static TimeSpan Seconds(OptionSetting setting)
    {
        int seconds = Number(setting, 0, "a number of seconds, e.g. --timeout 10");
        return seconds == 0 ? NoLimit : TimeSpan.FromSeconds(seconds);
    }

    /// <summary><c>fd[N]:KEY</c></summary>
    public static InheritedDescriptor Inherited(OptionSetting setting)
    {
        string value = setting.Value ?? "";
        int close = value.IndexOf("]:", StringComparison.Ordinal);
        if (value.StartsWith("fd[", StringComparison.Ordinal) && close > 3 && close + 2 < value.Length
            && int.TryParse(value.AsSpan(3, close - 3), NumberStyles.None, CultureInfo.InvariantCulture, out int fd))
            return new InheritedDescriptor(fd, value[(close + 2)..]);
        throw new CheckpointException($"{setting.Origin}: \"{value}\" is not fd[NUMBER]:RESOURCE, e.g. fd[3]:pipe[12345] or fd[1]:tmp/output.txt");
    }

    /// <summary><c>type[id]</c> or <c>type[id]:value</c>; what types there are is for the kinds to say.</summary>
    public static string External(OptionSetting setting)
    {
        string value = setting.Value ?? "";
        int open = value.IndexOf('['), close = value.LastIndexOf(']');
        bool ends = close == value.Length - 1 || value.IndexOf("]:", StringComparison.Ordinal) > open;
        return open > 0 && close > open && ends ? value
            : throw new CheckpointException($"{setting.Origin}: \"{value}\" is not TYPE[ID] or TYPE[ID]:VALUE, e.g. file[1a:123] or mnt[/data]:data");
    }

    /// <summary>Inodes with commas between them, or none, as external objects.</summary>
    public static IEnumerable<string> UnixSockets(OptionSetting setting)
    {
        foreach (string inode in (setting.Value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
            yield return uint.TryParse(inode, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number != 0 ? $"unix[{number}]"
                : throw new CheckpointException($"{setting.Origin}: \"{inode}\" is no inode of a socket", "It is the number in socket:[NUMBER] of /proc/PID/fd");
    }

    /// <summary>The name of a method, in whatever case.</summary>
    public static NetworkLockMethod NetworkLock(OptionSetting setting) => (setting.Value ?? "").ToLowerInvariant() switch
    {
        "iptables" => NetworkLockMethod.Iptables,
        "nftables" => NetworkLockMethod.Nftables,
        "skip" => NetworkLockMethod.Skip,
        _ => throw new CheckpointException($"{setting.Origin}: \"{setting.Value}\" is no way to hold back packets", "It is iptables, nftables or skip"),
    };

    /// <summary>A value that may be left out, and else is one of these words.</summary>
    public static MergedOptions OneOf(MergedOptions merged, OptionSetting setting, params string[] words) => setting.Value == null || words.Contains(setting.Value)
        ? merged : throw new CheckpointException($"{setting.Origin}: \"{setting.Value}\" is none of {string.Join(", ", words)}");

    /// <summary>Parts of a processor with commas between them, each taken away by <c>^</c>; a number is the mask of the RPC; nothing is all.</summary>
    public static MergedOptions SetProcessor(MergedOptions merged, OptionSetting setting)
    {
        var parts = ProcessorParts.None;
        foreach (string word in (setting.Value ?? "all").Split(',', StringSplitOptions.RemoveEmptyEntries))
            parts = word.StartsWith('^') ? parts & ~Part(word[1..], setting) : parts | Part(word, setting);
        return merged with
        {
            Dump = merged.Dump with { RecordsProcessor = (parts & ~ProcessorParts.Fpu) != 0 }, Restore = merged.Restore with { Processor = parts },
        };
    }

    private static ProcessorParts Part(string word, OptionSetting setting) => word.ToLowerInvariant() switch
    {
        "none" => ProcessorParts.None,
        "fpu" => ProcessorParts.Fpu,
        "cpu" => ProcessorParts.Processor,
        "ins" => ProcessorParts.Instructions,
        "all" => ProcessorParts.All,
        _ when uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out uint mask) => (ProcessorParts)mask & ProcessorParts.All,
        _ => throw new CheckpointException($"{setting.Origin}: \"{word}\" is no part of a processor", "It is cpu, fpu, ins, all or none"),
    };
}
