namespace Criu.Images;

/// <summary>Bounds on what is read, checked before anything is allocated: images can come from anywhere.</summary>
internal static class ImageLimits
{
    /// <summary>Bytes of one entry. An <c>mm_entry</c> of a million mappings fits.</summary>
    public const int MaxEntryBytes = 64 << 20;

    /// <summary>Entries are counted (see <see cref="WireBudget"/>) from this many bytes on: smaller ones cannot become much.</summary>
    public const int CountedEntryBytes = 64 << 10;

    /// <summary>Objects that one entry may become.</summary>
    public const int MaxObjectsInEntry = 4 << 20;

    /// <summary>Entries of an image that is read into one list. As many as there can be processes (PID_MAX_LIMIT, linux/threads.h).</summary>
    public const int MaxEntriesInList = 4 << 20;

    /// <summary>Bytes of one payload that is read into memory.</summary>
    public const int MaxPayloadBytes = 1 << 30;

    /// <summary>Directories of a chain of parents.</summary>
    public const int MaxParents = 1024;
}
