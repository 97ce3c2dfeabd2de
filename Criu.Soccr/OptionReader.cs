using System.Collections.Concurrent;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Checks and reads what many sockets are, and their options: those of each, or those of the first of a kind, where the caller has promised that the others have the same. That takes in what
/// stands above TCP (TCP_ULP); that it is TCP at all shows when repair mode is switched on.
/// </summary>
internal sealed class OptionReader(bool areAlike, int count) : IDisposable
{
    private readonly SocketViews? views = SocketViews.TryRead(count);

    private readonly ConcurrentDictionary<(bool IsIPv6, TcpState? State), SavedOptions> ofKind = [];

    /// <exception cref="SoccrException">It is none that can be saved.</exception>
    public SocketIdentity Identify(SocketCalls calls) => views != null && views.TryRead(calls, out var seen) ? seen : SocketIdentity.Read(calls);

    /// <exception cref="SoccrException">It cannot be saved.</exception>
    public SavedOptions Read(SocketCalls calls, in SocketIdentity identity, bool skipsInFlight)
    {
        if (identity.State == TcpState.Listen && !skipsInFlight)
            Refusals.CheckListener(calls);
        var kind = (identity.IsIPv6, identity.State);
        if (areAlike && ofKind.TryGetValue(kind, out var known))
            return known;
        if (identity.State == null && views?.OfAnother(calls) is { } same)
            return same;
        var view = views == null ? default : views.Of(calls.Fd, identity.IsIPv6);
        if (identity.State == null && !view.IsUsual(Inet.IPPROTO_TCP, Tcp.ULP))
            Refusals.CheckProtocol(calls);
        if (!view.IsUsual(Inet.IPPROTO_TCP, Tcp.AO_INFO))
            Refusals.CheckAuthentication(calls);
        var all = SavedOptions.Read(calls, identity, view);
        if (areAlike)
            return ofKind.GetOrAdd(kind, all.ForOthers());
        if (identity.State == null)
            views?.Note(calls, all);
        return all;
    }

    public void Dispose() => views?.Dispose();
}
