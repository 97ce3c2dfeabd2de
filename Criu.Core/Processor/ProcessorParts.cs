namespace Criu.Core;

/// <summary>What of two processors must fit, for a tree to go on (<c>--cpu-cap</c>). The numbers are those of the RPC.</summary>
[Flags]
public enum ProcessorParts
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The registers of the floating-point unit, which the images hold.</summary>
    Fpu = 1,

    /// <summary>The processor: vendor, family, model, and exactly the same features.</summary>
    Processor = 2,

    /// <summary>Every instruction that was there must be there.</summary>
    Instructions = 4,

    /// <summary>All of these.</summary>
    All = Fpu | Processor | Instructions,
}
