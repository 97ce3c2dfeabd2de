using System.Text;
using Linux.Abi;

namespace Criu.Core.Options;

/// <summary>
/// Reads a configuration file as CRIU does: one option a line, its long name without dashes, then its value behind spaces or <c>=</c>. A value with spaces stands in double quotes, where
/// <c>\"</c> is a quote. <c>#</c> outside of quotes begins a comment.
/// </summary>
public static class ConfigFile
{
    private const int MaxBytes = 1 << 20;

    /// <summary>The options of a file, with its path and line as their origin; null where there is no such file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointException">It cannot be read, or a line is no option.</exception>
    public static IReadOnlyList<OptionSetting>? TryRead(string path)
    {
        long fd = Kernel.Open(path, Fcntl.O_RDONLY);
        if (-fd is Errno.ENOENT or Errno.ENOTDIR)
            return null;
        if (Kernel.Failed(fd))
            throw new CheckpointException($"The configuration file {path} cannot be opened: {Errno.Name(fd)}", "Let it be readable, or add --no-default-config");
        using var stream = new FileStream(Kernel.Own(fd), FileAccess.Read);
        byte[] content = new byte[MaxBytes + 1];
        int length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return length > MaxBytes
            ? throw new CheckpointException($"The configuration file {path} is larger than {MaxBytes} bytes", "It holds one option a line")
            : Parse(Encoding.UTF8.GetString(content, 0, length), path);
    }

    /// <summary>The options of a text.</summary>
    /// <param name="text">What a file holds.</param>
    /// <param name="path">What messages call it.</param>
    /// <exception cref="CheckpointException">A line is no option.</exception>
    public static IReadOnlyList<OptionSetting> Parse(string text, string path)
    {
        var settings = new List<OptionSetting>();
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
            if (Words(lines[i], $"{path}:{i + 1}") is [var name, .. var values])
                settings.Add(Setting(name, values, $"{path}:{i + 1}"));
        return settings;
    }

    private static OptionSetting Setting(string name, string[] values, string where)
    {
        if (name.IndexOf('=') is > 0 and var equals)
            (name, values) = (name[..equals], [name[(equals + 1)..], .. values]);
        if (name.StartsWith('-'))
            throw new CheckpointException($"{where}: options are written without dashes here", $"Write {name.TrimStart('-')}");
        var (option, negated) = Resolve(name, where);
        bool takesValue = option.Argument != OptionArgument.None && !negated;
        if (values.Length > (takesValue ? 1 : 0))
            throw new CheckpointException($"{where}: {name} takes {(takesValue ? "one value" : "no value")}, and {string.Join(' ', values)} is given", "A value with spaces stands in double quotes");
        if (values.Length == 0 && option.Argument == OptionArgument.Required && !negated)
            throw new CheckpointException($"{where}: {name} needs a value: {option.ValueName}");
        return new OptionSetting(option.Name, takesValue ? values.FirstOrDefault() : negated ? OptionSetting.Off : OptionSetting.On, where);
    }

    private static LongName Resolve(string name, string where)
    {
        try
        {
            return LongName.Resolve(name);
        }
        catch (CheckpointException exception)
        {
            throw new CheckpointException($"{where}: {exception.Message}");
        }
    }

    private static string[] Words(string line, string where)
    {
        var words = new List<string>();
        for (int at = 0; at < line.Length && line[at] != '#';)
            if (char.IsWhiteSpace(line[at]))
                at++;
            else
                words.Add(line[at] == '"' ? Quoted(line, ref at, where) : Plain(line, ref at, where));
        return [.. words];
    }

    private static string Plain(string line, ref int at, string where)
    {
        int start = at;
        while (at < line.Length && !char.IsWhiteSpace(line[at]) && line[at] is not '#' and not '"')
            at++;
        string word = line[start..at];
        return word.EndsWith('=') && at < line.Length && line[at] == '"' ? word + Quoted(line, ref at, where) : word;
    }

    private static string Quoted(string line, ref int at, string where)
    {
        var word = new StringBuilder();
        for (at++; at < line.Length; at++)
        {
            if (line[at] == '"')
            {
                at++;
                return word.ToString();
            }
            if (line[at] == '\\' && at + 1 < line.Length && line[at + 1] == '"')
                at++;
            word.Append(line[at]);
        }
        throw new CheckpointException($"{where}: the quote is not closed", "A quote in a value is written \\\"");
    }
}
