namespace Criu.Soccr;

/// <summary>Whom a <see cref="RepairHelper"/> serves, and with what.</summary>
public sealed record RepairHelperOptions
{
    /// <summary>The only user whose processes are served (SO_PEERCRED); null: whoever can connect, which the permissions of the socket's path decide.</summary>
    public uint? AllowedUser { get; init; }

    /// <summary>The only options that are set; null: all of <see cref="PrivilegedOption"/>. Saving and restoring takes Repair, and for connections that are half closed Transparent and Mark.</summary>
    public IReadOnlyCollection<PrivilegedOption>? AllowedOptions { get; init; }

    /// <summary>
    /// Holds the traffic of connections for clients that ask for it (<see cref="RepairHelperClient.OpenLock"/>), of their own sockets only; null: that is refused. What a client
    /// holds stays held when it goes, as another may restore it: give it a timeout (<see cref="NftablesLockOptions.Timeout"/>). It stays the caller's.
    /// </summary>
    public IConnectionLock? Lock { get; init; }

    /// <summary>How many clients there may be at once; further ones are closed.</summary>
    public int MaxClients { get; init; } = 64;

    /// <summary>Is told, on any thread, whom the helper has sent away and why; null: nobody is told.</summary>
    public Action<string>? Log { get; init; }
}
