using System.Net;
using Criu.Images.Proto;
using Criu.Soccr;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>A TCP socket that is being dumped: a descriptor of ours, and its entry as far as it is known.</summary>
internal sealed record TcpSocket(OpenFile File, SafeFileHandle Handle, InetSkEntry Entry)
{
    /// <summary>A connection keeps it to its end, and after that.</summary>
    public IPEndPoint? Peer { get; } = SocketCall.PeerName(Handle);
}

/// <summary>Between what Criu.Soccr saves and what the images hold. The words of TCP in both are the kernel's: sequence numbers count a FIN, lengths do not.</summary>
internal static class TcpImages
{
    private const uint Timestamps = TcpInfoOptions.TIMESTAMPS, Sack = TcpInfoOptions.SACK, WindowScale = TcpInfoOptions.WSCALE;

    /// <summary>Fills in what only a paused connection tells.</summary>
    public static void Complete(InetSkEntry entry, TcpConnectionState state)
    {
        // The images have no TIME_WAIT: the socket of such a connection is in CLOSE, and so is one that was reset.
        entry.State = (uint)(state.State == TcpState.TimeWait ? TcpState.Close : state.State);
        entry.Backlog = (uint)state.Backlog;
        InetEnds.Write(entry, state.Local, state.Remote);
        if (state.Interface != null)
            entry.Ifname = ByteString.CopyFromUtf8(state.Interface);
        entry.Extras = new SocketExtrasEntry();
        if (state.Error != 0)
            entry.Extras.Error = (uint)state.Error;
        foreach (var option in state.Options)
            entry.Extras.Options.Add(SocketDifferences.Entry(option.Level, option.Number, option.Value.AsSpan()));
        foreach (var key in state.Md5Keys)
            entry.Extras.Md5Keys.Add(new Md5KeyEntry
            {
                Address = ByteString.CopyFrom(key.Address.GetAddressBytes()), PrefixLength = (uint)key.PrefixLength, Key = ByteString.CopyFrom(key.Key.AsSpan()),
            });
        if (state.WantedMaxSegment != 0)
            entry.Extras.Options.Add(InetOptions.Number(Inet.IPPROTO_TCP, Tcp.MAXSEG, state.WantedMaxSegment));
    }

    public static TcpStreamEntry ToStream(TcpConnectionState state)
    {
        var stream = new TcpStreamEntry
        {
            InqLen = (uint)state.ReceiveQueue.Length, InqSeq = state.ReceiveSequence, OutqLen = (uint)state.SendQueue.Length, OutqSeq = state.SendSequence,
            UnsqLen = (uint)state.UnsentBytes, SndWscale = (uint)(state.SendWindowScale ?? 0), MssClamp = (uint)state.MaxSegment,
            OptMask = (state.HasTimestamps ? Timestamps : 0) | (state.HasSack ? Sack : 0) | (state.SendWindowScale != null ? WindowScale : 0),
        };
        if (state.ReceiveWindowScale is { } scale)
            stream.RcvWscale = (uint)scale;
        if (state.HasTimestamps)
            stream.Timestamp = state.Timestamp;
        if (state.State != TcpState.SynSent)
            (stream.SndWl1, stream.SndWnd, stream.MaxWindow, stream.RcvWnd, stream.RcvWup) =
                (state.SendWl1, state.SendWindow, state.MaxWindow, state.ReceiveWindow, state.ReceiveWindowUpdate);
        return stream;
    }

    /// <summary>A socket without a connection.</summary>
    public static TcpConnectionState ToState(InetSkEntry entry)
    {
        var wanted = InetOptions.Wanted(entry);
        return new TcpConnectionState
        {
            State = (TcpState)entry.State, IsIPv6 = entry.Family == Sockets.AF_INET6, Local = InetEnds.Local(entry), Interface = entry.Ifname.IsEmpty ? null : entry.Ifname.ToStringUtf8(),
            Backlog = (int)entry.Backlog, Error = (int)(entry.Extras?.Error ?? 0), SendBuffer = Bounded(entry.Opts.SoSndbuf), ReceiveBuffer = Bounded(entry.Opts.SoRcvbuf),
            BufferLocks = (int)(entry.Opts.SoBufLock & 3), ReuseAddress = entry.Opts.Reuseaddr, KeepAlive = entry.Opts.SoKeepalive, Cork = entry.TcpOpts?.Cork ?? false,
            IsNonBlocking = (entry.Flags & Fcntl.O_NONBLOCK) != 0, WantedMaxSegment = wanted.FirstOrDefault(IsMaxSegment) is { } segment ? BitConverter.ToInt32(segment.Value.Span) : 0,
            Md5Keys = [.. (entry.Extras?.Md5Keys ?? []).Select(k => ToKey(entry, k))],
            Options = [.. wanted.Where(o => !IsMaxSegment(o)).Select(ToOption)],
        };
    }

    private static TcpMd5Key ToKey(InetSkEntry entry, Md5KeyEntry key) =>
        key.Address.Length is 4 or 16 && key.PrefixLength <= 8 * key.Address.Length && key.Key.Length is >= 1 and <= Tcp.MD5SIG_MAXKEYLEN
        ? new TcpMd5Key(new IPAddress(key.Address.Span), (int)key.PrefixLength, [.. key.Key.Span])
        : throw new CheckpointException($"files.img: the inet socket {entry.Ino} has a key of TCP_MD5SIG that cannot be", "The image is damaged: take another dump");

    public static TcpSocketOption ToOption(SocketOptionEntry option) => new((int)option.Level, (int)option.Number, [.. option.Value.Span]);

    private static bool IsMaxSegment(SocketOptionEntry option) => option is { Level: Inet.IPPROTO_TCP, Number: Tcp.MAXSEG, Value.Length: sizeof(int) };

    private static int Bounded(uint size) => (int)Math.Min(size, int.MaxValue);

    /// <summary>A connection.</summary>
    /// <param name="entry">Its socket.</param>
    /// <param name="stream">What was negotiated, and how far it had come.</param>
    /// <param name="received">Bytes that were not read yet.</param>
    /// <param name="sent">Bytes that were not acknowledged yet.</param>
    public static TcpConnectionState ToState(InetSkEntry entry, TcpStreamEntry stream, byte[] received, byte[] sent)
    {
        Check(entry, stream);
        var state = ToState(entry) with { Remote = InetEnds.Remote(entry), ReceiveSequence = stream.InqSeq, SendSequence = stream.OutqSeq };
        if (state.State == TcpState.SynSent)
            return state;
        bool hasScale = (stream.OptMask & WindowScale) != 0;
        bool isOver = state.State == TcpState.Close;
        return state with
        {
            State = isOver && state.Error == 0 ? TcpState.TimeWait : state.State, WantedMaxSegment = 0, ReceiveQueue = [.. received], SendQueue = isOver ? [] : [.. sent],
            UnsentBytes = isOver ? 0 : (int)Math.Min(stream.UnsqLen, stream.OutqLen), IsFinUnsent = stream.UnsqLen > 0 && HasOwnFin(state.State),
            MaxSegment = (int)Math.Min(stream.MssClamp, int.MaxValue),
            SendWindowScale = hasScale ? (int)stream.SndWscale : null, ReceiveWindowScale = hasScale ? (int)stream.RcvWscale : null, HasSack = (stream.OptMask & Sack) != 0,
            HasTimestamps = (stream.OptMask & Timestamps) != 0, Timestamp = stream.Timestamp, SendWl1 = stream.SndWl1, SendWindow = stream.SndWnd, MaxWindow = stream.MaxWindow,
            ReceiveWindow = stream.RcvWnd, ReceiveWindowUpdate = stream.RcvWup,
        };
    }

    private static bool HasOwnFin(TcpState state) => state is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck;

    private static void Check(InetSkEntry entry, TcpStreamEntry stream)
    {
        if (entry.State > (uint)TcpState.Closing || (TcpState)entry.State is 0 or TcpState.SynReceived or TcpState.TimeWait or TcpState.Listen)
            throw Damaged(entry, $"it is in state {entry.State}, which no saved connection is in");
        if (entry.State != SocketStates.CLOSE && stream.UnsqLen > stream.OutqLen)
            throw Damaged(entry, $"{stream.UnsqLen} of {stream.OutqLen} bytes are unsent");
        if (stream.SndWscale > 14 || stream.RcvWscale > 14)
            throw Damaged(entry, $"its windows are scaled by {stream.SndWscale} and {stream.RcvWscale} digits, where TCP has 14 at most");
        if (stream is { HasSndWnd: false } && entry.State != (uint)TcpState.SynSent)
            throw new CheckpointException($"tcp-stream-{entry.Ino:x}.img has no windows (snd_wnd): it was written by a very old CRIU, or on a kernel before 4.8",
                "Take another dump with a newer one");
    }

    private static CheckpointException Damaged(InetSkEntry entry, string why) => new($"tcp-stream-{entry.Ino:x}.img: {why}", "The image is damaged: take another dump");
}
