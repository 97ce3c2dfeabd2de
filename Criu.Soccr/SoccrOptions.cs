namespace Criu.Soccr;

/// <summary>How connections are paused and restored.</summary>
public sealed record SoccrOptions
{
    /// <summary>What everyone gets who says nothing: no lock, own privilege.</summary>
    public static SoccrOptions Default { get; } = new();

    /// <summary>Holds the traffic while there is no socket; null where the caller holds it by other means, or nothing can arrive.</summary>
    public IConnectionLock? Lock { get; init; }

    /// <summary>Who does what takes CAP_NET_ADMIN; null: this process itself.</summary>
    public IRepairSwitch? RepairSwitch { get; init; }

    internal IRepairSwitch Switch => RepairSwitch ?? OwnRepairSwitch.Instance;
}
