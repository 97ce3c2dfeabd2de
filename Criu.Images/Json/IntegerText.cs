using System.Globalization;

namespace Criu.Images.Json;

/// <summary>Integers as people read them, and back.</summary>
internal static class IntegerText
{
    public static string Hex(Int128 value) =>
        value < 0 ? "-0x" + ((ulong)-value).ToString("x", CultureInfo.InvariantCulture) : "0x" + ((ulong)value).ToString("x", CultureInfo.InvariantCulture);

    public static string Flags(ulong value, NamedValue[] names)
    {
        var parts = new List<string>();
        foreach (NamedValue flag in names)
        {
            if ((value & flag.Value) == 0)
                continue;
            parts.Add(flag.Name);
            value &= ~flag.Value;
        }
        if (value != 0)
            parts.Add(Hex(value));
        return string.Join(" | ", parts);
    }

    public static string Device(ulong value, bool isStatForm) => isStatForm
        ? Pair(((value >> 8) & 0xfff) | ((value >> 32) & ~0xffful), (value & 0xff) | ((value >> 12) & ~0xfful))
        : Pair(value >> 20, value & 0xfffff);

    /// <summary>Any form: decimal, 0x, 0o, a name, names and numbers around |, major:minor.</summary>
    public static bool TryParse(string text, FieldShow show, out Int128 value)
    {
        if (TryParse(text, out value))
            return true;
        if (show.IsDevice)
            return TryDevice(text, show.IsStatDevice, out value);
        return (show.Flags ?? show.Names) is NamedValue[] names && TryNames(text, names, out value);
    }

    private static bool TryParse(string text, out Int128 value)
    {
        text = text.Trim();
        bool isNegative = text.StartsWith('-');
        string digits = isNegative ? text[1..] : text;
        bool parsed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? Int128.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : digits.StartsWith("0o", StringComparison.OrdinalIgnoreCase) ? TryOctal(digits[2..], out value)
            : Int128.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        value = isNegative && value >= 0 ? -value : value;
        return parsed;
    }

    private static bool TryOctal(string digits, out Int128 value)
    {
        value = 0;
        foreach (char c in digits)
        {
            if (c is < '0' or > '7' || value > long.MaxValue)
                return false;
            value = (value * 8) + (c - '0');
        }
        return digits.Length > 0;
    }

    private static bool TryNames(string text, NamedValue[] names, out Int128 value)
    {
        Int128 number = value = 0;
        foreach (string part in text.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            NamedValue named = Array.Find(names, n => n.Name == part);
            if (named.Name is null && !TryParse(part, out number))
                return false;
            value |= named.Name is null ? number : named.Value;
        }
        return true;
    }

    private static bool TryDevice(string text, bool isStatForm, out Int128 value)
    {
        string[] parts = text.Split(':');
        value = 0;
        if (parts.Length != 2 || !uint.TryParse(parts[0], CultureInfo.InvariantCulture, out uint major) || !uint.TryParse(parts[1], CultureInfo.InvariantCulture, out uint minor))
            return false;
        value = isStatForm
            ? (minor & 0xff) | ((ulong)(major & 0xfff) << 8) | ((ulong)(minor & ~0xffu) << 12) | ((ulong)(major & ~0xfffu) << 32)
            : ((ulong)major << 20) | minor;
        return true;
    }

    private static string Pair(ulong major, ulong minor) => string.Create(CultureInfo.InvariantCulture, $"{major}:{minor}");
}
