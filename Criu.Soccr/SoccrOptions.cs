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

    /// <summary>
    /// The caller's promise to <see cref="TcpConnection.PauseAll"/>: those of its sockets that are of one family and in one state have the same options, an upper layer protocol (TCP_ULP) and keys
    /// among them, and block alike. They are then read from the first alone, which saves half of the time that a move takes: it is up to 70 calls for each socket otherwise. It saves little where
    /// the kernel's structures can be looked at (CAP_BPF and CAP_PERFMON), which show what is alike. Sizes of buffers are read from each in any case, and TCP_CORK where bytes wait to be sent.
    /// </summary>
    public bool OptionsAreAlike { get; init; }

    /// <summary>
    /// Whether a restored connection goes on without a word. Else its peer is asked for an answer at once: it tells a window that has changed meanwhile, and resets a connection that it has given
    /// up, and the network learns the way. For holds so short that none of this is of interest: who only receives would not hear of a reset that was dropped. Where bytes wait to be
    /// acknowledged, or the peer's window is closed, the peer is asked all the same.
    /// </summary>
    public bool ResumesQuietly { get; init; }

    /// <summary>
    /// Whether a listening socket may be saved although connections wait in its queue, which cannot be restored: they are lost when it is left. Where <see cref="Lock"/> can hold
    /// connections that have no socket (<see cref="NftablesLock"/> can), their clients do not hear of it until the lock ends: then a client is reset when it next sends something,
    /// and one whose handshake was not complete connects anew. Else they are reset at once, as far as they were connected. One that connects in the very moment is reset in any case.
    /// </summary>
    public bool SkipInFlight { get; init; }

    internal IRepairSwitch Switch => RepairSwitch ?? OwnRepairSwitch.Instance;
}
