namespace Criu.Images;

/// <summary>
/// What the build adds to every message class (Criu.Images.Generator): checks that Google.Protobuf lacks, without its descriptors, whose first use
/// would cost milliseconds.
/// </summary>
internal interface IImageEntry
{
    /// <summary>The first required field that is not set, here or in a message below, as a path like <c>vmas[3].start</c>; null where all are set.</summary>
    string? FirstUnsetField();

    /// <summary>Charges the budget for the objects that these bytes of such a message would become.</summary>
    /// <param name="wire">The message in wire form. What is malformed ends the count: the parser refuses it in better words.</param>
    /// <param name="budget">What is left.</param>
    void Count(ReadOnlySpan<byte> wire, ref WireBudget budget);
}
