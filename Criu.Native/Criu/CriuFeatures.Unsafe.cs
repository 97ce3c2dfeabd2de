namespace Criu.Native;

/// <summary>struct criu_feature_check of criu.h: a bool for each feature, in the order of the fields of criu_features in rpc.proto.</summary>
internal unsafe struct CriuFeatures
{
    public const int Count = 3;

    private fixed byte values[Count];

    /// <param name="field">Number of the field, from 1.</param>
    public bool this[int field]
    {
        readonly get => values[field - 1] != 0;
        set => values[field - 1] = value ? (byte)1 : (byte)0;
    }
}
