using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Lends CAP_NET_ADMIN to applications that save and restore connections and shall not have it: they pass the descriptors of their sockets over a unix socket, and the helper
/// sets on them the few options of <see cref="PrivilegedOption"/>, nothing else. Any process with the capability can host it. It serves TCP sockets of IPv4 and IPv6 in whatever
/// network namespace its capability is valid for.
/// <para>Who is served may take the place of either end of a TCP connection, and mark packets: let in only whom that is meant for
/// (<see cref="RepairHelperOptions.AllowedUser"/>, or the permissions of the path). <see cref="RepairHelperClient"/> is the other side.</para>
/// </summary>
public static class RepairHelper
{
    private const int FullTable = 100;                  // milliseconds until the next try where no descriptor is free

    /// <summary>Serves until it is cancelled or, where one connected socket was given, until its client goes.</summary>
    /// <param name="socket">A unix socket (stream or packets) that listens, or is connected to one client. It stays the caller's; a connected one is shut down.</param>
    /// <param name="options">Whom, and with what; null: whoever can connect, with all options.</param>
    /// <param name="cancellation">Ends it: clients are let go after what they have asked for.</param>
    /// <exception cref="ArgumentException">It is no unix socket.</exception>
    public static void Serve(Socket socket, RepairHelperOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.AddressFamily != AddressFamily.Unix)
            throw new ArgumentException("Descriptors can be passed only over a unix socket.", nameof(socket));
        options ??= new RepairHelperOptions();
        if (IsListening(socket))
            ServeAll(socket, options, cancellation);
        else
            ServeOne(socket, options, cancellation);
    }

    private static bool IsListening(Socket socket)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        socket.GetRawSocketOption(Sockets.SOL_SOCKET, So.ACCEPTCONN, value);
        return MemoryMarshal.Read<int>(value) != 0;
    }

    /// <summary>A thread for each: a client whose socket takes long to close (SO_LINGER) keeps only itself waiting.</summary>
    private static void ServeAll(Socket listener, RepairHelperOptions options, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        int clients = 0;
        try
        {
            while (Accept(listener, options, cancellation) is { } client)
            {
                if (Interlocked.Increment(ref clients) > options.MaxClients)
                {
                    Interlocked.Decrement(ref clients);
                    options.Log?.Invoke($"a client was sent away: there are {options.MaxClients} already");
                    client.Dispose();
                    continue;
                }
                new Thread(() =>
                {
                    using (client)
                        ServeOne(client, options, ending.Token);
                    Interlocked.Decrement(ref clients);
                }) { IsBackground = true, Name = "repair helper" }.Start();
            }
        }
        finally
        {
            ending.Cancel();
            const int Patience = 1000;                  // milliseconds: who takes longer is closing a socket that lingers, and ends with the process
            SpinWait.SpinUntil(() => Volatile.Read(ref clients) == 0, Patience);
        }
    }

    /// <returns>Null when it is over.</returns>
    private static Socket? Accept(Socket listener, RepairHelperOptions options, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
            try
            {
                return listener.AcceptAsync(cancellation).AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                return null;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable or SocketError.ConnectionAborted)
            {
                options.Log?.Invoke($"a client cannot be let in: {e.Message}");
                cancellation.WaitHandle.WaitOne(FullTable);
            }
        return null;
    }

    private static void ServeOne(Socket client, RepairHelperOptions options, CancellationToken cancellation)
    {
        using var end = cancellation.Register(() => ShutDown(client));
        try
        {
            if (new HelperSession(client, options).Run() is { } reason)
                options.Log?.Invoke($"a client was sent away: {reason}");
        }
        catch (Exception e)
        {
            options.Log?.Invoke($"a client was sent away: {e.Message}");         // a lock of the host's that fails in its own way must not end the others
        }
        finally
        {
            ShutDown(client);
        }
    }

    private static void ShutDown(Socket client)
    {
        try
        {
            client.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has gone already.
        }
    }
}
