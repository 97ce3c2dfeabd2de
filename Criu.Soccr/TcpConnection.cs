using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Criu.Soccr;

/// <summary>
/// Saves live TCP connections and brings them back: pause → save → leave; elsewhere restore → resume. It takes CAP_NET_ADMIN in the user namespace that owns the network
/// namespace, or somebody who has it (<see cref="IRepairSwitch"/>).
/// </summary>
public static class TcpConnection
{
    /// <summary>Pauses a connection. The socket stays the caller's, who must have no call on it under way, until <see cref="PausedConnection.Leave"/> disposes it.</summary>
    /// <param name="socket">A TCP socket in any state.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <exception cref="SoccrException">It cannot be paused, or is something that cannot be saved. Nothing was changed.</exception>
    public static PausedConnection Pause(Socket socket, SoccrOptions? options = null) => PauseOne(socket.SafeHandle, socket, options ?? SoccrOptions.Default);

    /// <summary>The same for a descriptor.</summary>
    /// <param name="socket">A descriptor of a TCP socket.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <exception cref="SoccrException">It cannot be paused, or is something that cannot be saved. Nothing was changed.</exception>
    public static PausedConnection PauseHandle(SafeHandle socket, SoccrOptions? options = null) => PauseOne(socket, socket, options ?? SoccrOptions.Default);

    /// <summary>Pauses many at once: their traffic is held in one step. The sockets stay the caller's, until <see cref="PausedConnections.Leave"/> disposes them.</summary>
    /// <param name="sockets">TCP sockets in any state.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <param name="workers">How many threads work at it; all of the machine's processors where it is 0.</param>
    /// <exception cref="SoccrException">One cannot be paused. None is.</exception>
    public static PausedConnections PauseAll(IReadOnlyList<Socket> sockets, SoccrOptions? options = null, int workers = 1) =>
        PausedConnections.Pause([.. sockets.Select(s => ((SafeHandle)s.SafeHandle, (IDisposable)s))], options ?? SoccrOptions.Default, workers);

    /// <summary>The same for descriptors.</summary>
    /// <param name="sockets">Descriptors of TCP sockets in any state.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <param name="workers">How many threads work at it; all of the machine's processors where it is 0.</param>
    /// <exception cref="SoccrException">One cannot be paused. None is.</exception>
    public static PausedConnections PauseAllHandles(IReadOnlyList<SafeHandle> sockets, SoccrOptions? options = null, int workers = 1) =>
        PausedConnections.Pause([.. sockets.Select(s => (s, (IDisposable)s))], options ?? SoccrOptions.Default, workers);

    /// <summary>
    /// Makes a connection anew, here. Its traffic is held by <see cref="SoccrOptions.Lock"/> already, from the time of saving. The socket is the library's until
    /// <see cref="RestoredConnection.Resume"/> gives it to the caller.
    /// </summary>
    /// <param name="state">What was saved.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <exception cref="SoccrException">It cannot be made. Nothing is left of the attempt, and the peer has noticed nothing.</exception>
    public static RestoredConnection Restore(TcpConnectionState state, SoccrOptions? options = null) => RestoredConnection.Make(state, null, options ?? SoccrOptions.Default, new NewSockets());

    /// <summary>Makes many at once. Where both ends of a connection are among them, they must be in one call: neither end runs before both are there.</summary>
    /// <param name="states">What was saved.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <param name="workers">How many threads work at it; all of the machine's processors where it is 0.</param>
    /// <exception cref="SoccrException">One cannot be made. None is.</exception>
    public static RestoredConnections RestoreAll(IReadOnlyList<TcpConnectionState> states, SoccrOptions? options = null, int workers = 1) =>
        RestoredConnections.Restore(states, null, options ?? SoccrOptions.Default, workers);

    /// <summary>The same on sockets that somebody else has made, for a process of his, say.</summary>
    /// <param name="states">What was saved.</param>
    /// <param name="sockets">A new TCP socket of the right family for each. They are the library's until they are resumed, and are closed where this throws.</param>
    /// <param name="options">How; <see cref="SoccrOptions.Default"/> without it.</param>
    /// <param name="workers">How many threads work at it; all of the machine's processors where it is 0.</param>
    /// <exception cref="SoccrException">One cannot be made. None is.</exception>
    public static RestoredConnections RestoreAllOnto(IReadOnlyList<TcpConnectionState> states, IReadOnlyList<SafeHandle> sockets, SoccrOptions? options = null, int workers = 1) =>
        states.Count == sockets.Count
            ? RestoredConnections.Restore(states, sockets, options ?? SoccrOptions.Default, workers)
            : throw new ArgumentException($"There are {states.Count} states and {sockets.Count} sockets.", nameof(sockets));

    private static PausedConnection PauseOne(SafeHandle handle, IDisposable owner, SoccrOptions options)
    {
        using var reader = new OptionReader(areAlike: false, count: 1);
        var paused = PausedConnection.Look(handle, owner, options, reader);
        bool isHeld = false;
        try
        {
            if (paused.Held is { } held)
                options.Lock?.Hold([held]);
            isHeld = true;
            paused.Begin();
            return paused;
        }
        catch
        {
            if (isHeld)
                paused.ReleaseTraffic();
            paused.End();
            throw;
        }
    }
}
