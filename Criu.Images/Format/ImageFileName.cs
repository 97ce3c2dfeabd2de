using System.Globalization;

namespace Criu.Images;

/// <summary>A pattern like <c>core-%u.img</c>: number to name and back. Only the name that it would make itself is parsed (no leading zeros or signs).</summary>
internal readonly struct ImageFileName
{
    private readonly string before, after, conversion;

    public ImageFileName(string pattern)
    {
        Pattern = pattern;
        int percent = pattern.IndexOf('%');
        int end = percent < 0 ? 0 : pattern.IndexOfAny(['u', 'd', 'x', 's'], percent) + 1;
        (before, conversion, after) = percent < 0 ? (pattern, "", "") : (pattern[..percent], pattern[percent..end], pattern[end..]);
    }

    public string Pattern { get; }

    public bool HasNumber => conversion.Length > 0;

    public string Format(ulong number)
    {
        string text = Text(number);
        bool back = HasNumber ? TryNumber(text, out ulong again) && again == number : number == 0;
        return back ? before + text + after : throw new ArgumentOutOfRangeException(nameof(number), number, $"no number of {Pattern}");
    }

    public bool TryParse(string name, out ulong number)
    {
        number = 0;
        if (name.Length < before.Length + after.Length || !name.StartsWith(before, StringComparison.Ordinal) || !name.EndsWith(after, StringComparison.Ordinal))
            return false;
        string middle = name[before.Length..^after.Length];
        return HasNumber ? TryNumber(middle, out number) && Text(number) == middle : middle.Length == 0;
    }

    private string Text(ulong number) => conversion switch
    {
        "" => "",
        "%x" => ((uint)number).ToString("x", CultureInfo.InvariantCulture),
        "%d" => ((int)number).ToString(CultureInfo.InvariantCulture),
        "%ld" => ((long)number).ToString(CultureInfo.InvariantCulture),
        "%u" => ((uint)number).ToString(CultureInfo.InvariantCulture),
        "%s" => number switch { ImageCatalog.StatsOfDump => "dump", ImageCatalog.StatsOfRestore => "restore", _ => "?" },
        _ => number.ToString(CultureInfo.InvariantCulture),
    };

    private bool TryNumber(string text, out ulong number)
    {
        if (conversion == "%s")
        {
            number = text == "restore" ? ImageCatalog.StatsOfRestore : ImageCatalog.StatsOfDump;
            return true;
        }
        if (conversion == "%x")
            return ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        bool parsed = Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out Int128 value);
        number = unchecked((ulong)value);
        return parsed;
    }
}
