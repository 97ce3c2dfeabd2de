namespace Criu.Soccr;

/// <summary>
/// Holds nothing: for those who hold the traffic themselves, by a network namespace without a link, an address that is taken away, or a load balancer. Where nobody does, a
/// segment that comes while there is no socket is answered by a reset.
/// </summary>
public sealed class NoLock : IConnectionLock
{
    /// <summary>0: nothing needs to pass.</summary>
    public uint Mark => 0;

    /// <summary>Does nothing.</summary>
    /// <param name="flows">Any.</param>
    public void Hold(ReadOnlySpan<HeldFlow> flows)
    {
    }

    /// <summary>Does nothing.</summary>
    /// <param name="flows">Any.</param>
    public void Release(ReadOnlySpan<HeldFlow> flows)
    {
    }

    /// <summary>Does nothing.</summary>
    public void Dispose()
    {
    }
}
