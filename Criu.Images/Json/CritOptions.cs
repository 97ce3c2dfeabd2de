namespace Criu.Images.Json;

/// <summary>How JSON is written.</summary>
public sealed record CritOptions
{
    /// <summary>Indented, and integers as people read them: hexadecimal, names of flags, addresses, device numbers.</summary>
    public bool Pretty { get; init; }

    /// <summary>Sizes instead of payloads. Such JSON cannot be encoded again.</summary>
    public bool NoPayload { get; init; }
}
