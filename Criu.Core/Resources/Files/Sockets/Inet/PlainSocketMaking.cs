using System.Net;
using Criu.Images.Proto;
using Google.Protobuf.Collections;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Resources.Files;

/// <summary>Makes one UDP, ping or raw socket.</summary>
internal sealed class PlainSocketMaking(RestoredSocket socket, List<SocketOptionEntry> forBinding, IReadOnlyList<SocketMessage> queue, ILogger log)
{
    private readonly InetSkEntry entry = socket.Entry;

    public void Run()
    {
        var wanted = InetOptions.Wanted(entry);
        if (entry.Opts.Reuseaddr)
            Set(socket, InetOptions.Number(Sockets.SOL_SOCKET, So.REUSEADDR, 1));
        SetOptions(socket, [.. forBinding, .. wanted.Where(IsEarly)]);
        Bind();
        foreach (var group in entry.Extras?.Groups ?? [])
            MulticastGroups.Join(socket.Handle!, entry, group);
        Fill();
        if (InetEnds.Remote(entry) is { } remote)
            Check(SocketCall.Connect(socket.Handle!, InetEnds.WithScope(remote, entry)!), $"connect to {remote}");
        SetOptions(socket, wanted.Where(o => !IsEarly(o)));
        SetBuffers(socket);
        SetLast(socket);
    }

    private static bool IsEarly(SocketOptionEntry option) => Array.Exists(InetOptionTable.All, o => o.IsEarly && (o.Level, o.Number) == ((int)option.Level, (int)option.Number));

    /// <summary>The port of a raw socket is its protocol, and that of a ping socket its identifier.</summary>
    private void Bind()
    {
        if (InetEnds.Local(entry) is not { } local)
            return;
        if (entry.Type == Sockets.SOCK_RAW)
            local = new IPEndPoint(local.Address, 0);
        Check(SocketCall.Bind(socket.Handle!, InetEnds.WithScope(local, entry)!), $"bind to {local}", "The address must be this host's, and free: end whoever uses it");
    }

    private void Fill()
    {
        if (queue.Count == 0)
            return;
        SocketCall.Set(socket.Handle!, Sockets.SOL_SOCKET, So.RCVBUFFORCE, int.MaxValue / 2);
        SocketCall.Set(socket.Handle!, Sockets.SOL_SOCKET, So.BINDTODEVICE, []);           // they come over loopback
        if (DatagramQueue.Fill(socket.Handle!, entry, queue) is not 0 and var lost)
            log.LogWarning("{Lost} of {Count} datagrams that waited in {Socket} could not be put there again: they are lost, as datagrams may be", lost, queue.Count, socket);
        SetOptions(socket, InetOptions.Wanted(entry).Where(o => o is { Level: Sockets.SOL_SOCKET, Number: So.BINDTODEVICE }));
    }

    public static void SetOptions(RestoredSocket socket, IEnumerable<SocketOptionEntry> options)
    {
        foreach (var option in options)
            Set(socket, option);
    }

    private static void Set(RestoredSocket socket, SocketOptionEntry option) => Check(socket,
        SocketCall.Set(socket.Handle!, (int)option.Level, (int)option.Number, option.Value.Span), InetOptions.NameOf(option),
            "The network namespace, the kernel or our privilege lacks what the option needs");

    /// <summary>The kernel doubles what it is given. Without privilege the limits of the system hold.</summary>
    public static void SetBuffers(RestoredSocket socket)
    {
        var options = socket.Entry.Opts;
        foreach (var (forced, plain, size) in ((int, int, uint)[])[(So.SNDBUFFORCE, So.SNDBUF, options.SoSndbuf), (So.RCVBUFFORCE, So.RCVBUF, options.SoRcvbuf)])
            if (InetOptions.Value(socket.Handle!, Sockets.SOL_SOCKET, plain) != (int)size && Kernel.Failed(SocketCall.Set(socket.Handle!, Sockets.SOL_SOCKET, forced, (int)(size / 2))))
                SocketCall.Set(socket.Handle!, Sockets.SOL_SOCKET, plain, (int)(size / 2));
        SocketCall.Set(socket.Handle!, Sockets.SOL_SOCKET, So.BUF_LOCK, (int)(options.HasSoBufLock ? options.SoBufLock : 0));         // since 5.14
    }

    /// <summary>What would stand in the way of everything else: shutdown, filter, flags.</summary>
    public static void SetLast(RestoredSocket socket)
    {
        var entry = socket.Entry;
        if (entry is { HasShutdown: true, Shutdown: not SkShutdown.None } && SocketCall.Shutdown(socket.Handle!, (int)entry.Shutdown - 1) is var result && result != -Errno.ENOTCONN)
            Check(socket, result, "shutdown");          // ENOTCONN: not connected, and shut down all the same
        if (entry.Opts.SoFilter.Count > 0)
            Check(socket, SocketCall.AttachFilter(socket.Handle!, entry.Opts.SoFilter), "SO_ATTACH_FILTER");
        Check(socket, SocketCall.SetFlags(socket.Handle!, entry.Flags), "F_SETFL");
    }

    private void Check(long result, string step, string? advice = null) => Check(socket, result, step, advice);

    private static void Check(RestoredSocket socket, long result, string step, string? advice = null)
    {
        if (Kernel.Failed(result))
            throw new CheckpointException($"{step} of {socket} failed: {Errno.Name(result)}", advice);
    }
}
