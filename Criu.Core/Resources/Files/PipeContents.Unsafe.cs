using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>What waits in a pipe: tee(2) copies it without taking it out; a restore writes it back.</summary>
internal static unsafe class PipeContents
{
    public const int DefaultSize = 64 << 10;           // bytes
    private const int Chunk = 4096;

    /// <summary>tee wants the read end, which the link of the write end opens as well. Our own pipe has as many slots, so all fits.</summary>
    public static void Dump(OpenFile file, uint pipe, ImageWriter writer)
    {
        using var source = Open(file);
        long size = Kernel.Call(Nr.fcntl, source.Fd(), Fcntl.F_GETPIPE_SZ);
        int waiting = 0;
        const int FIONREAD = 0x541b;
        Kernel.Call(Nr.ioctl, source.Fd(), FIONREAD, (long)(&waiting));
        if (waiting == 0 && size == DefaultSize)
            return;
        var pieces = waiting > 0 ? ReadPieces(file, source, size, waiting, out bool arePackets) : Nothing(out arePackets);
        foreach (var piece in arePackets ? pieces : [[.. pieces.SelectMany(p => p)]])
        {
            writer.Write(new PipeDataEntry { PipeId = pipe, Bytes = (uint)piece.Length, Size = (uint)size });
            writer.WritePayload(piece);
        }
    }

    private static List<byte[]> Nothing(out bool arePackets)
    {
        arePackets = false;
        return [];
    }

    private static SafeFileHandle Open(OpenFile file)
    {
        long fd = file.Holder.Proc.TryOpenAt(Proc.ProcName.Of("fd"u8, file.Fd), Fcntl.O_RDONLY | Fcntl.O_NONBLOCK, out var handle) ? handle.Fd() : -Errno.ENOENT;
        return Kernel.Failed(fd) ? throw new CheckpointException($"{file} cannot be opened: {Errno.Name(fd)}") : handle!;
    }

    /// <summary>
    /// A read ends where a packet ends (O_DIRECT, pipe(2)); of a stream it ends only where it was told to. Packets keep their borders by an entry each, which CRIU, as it
    /// refuses such pipes, never meets.
    /// </summary>
    private static List<byte[]> ReadPieces(OpenFile file, SafeFileHandle source, long size, int waiting, out bool arePackets)
    {
        int* own = stackalloc int[2];
        long made = Kernel.Call(Nr.pipe2, (long)own, Fcntl.O_CLOEXEC);
        if (Kernel.Failed(made))
            throw new CheckpointException($"no pipe for the contents of {file}: {Errno.Name(made)}");
        using var read = Kernel.Own(own[0]);
        using var write = Kernel.Own(own[1]);
        Kernel.Call(Nr.fcntl, own[1], Fcntl.F_SETPIPE_SZ, size);
        long teed = Kernel.Call(Nr.tee, source.Fd(), own[1], waiting, Fcntl.SPLICE_F_NONBLOCK);
        if (teed != waiting)
            throw new CheckpointException($"the {waiting} bytes in {file} cannot be copied ({(Kernel.Failed(teed) ? Errno.Name(teed) : $"only {teed}")})",
                "Raise /proc/sys/fs/pipe-max-size or run with CAP_SYS_RESOURCE");
        var pieces = new List<byte[]>();
        arePackets = false;
        byte* buffer = stackalloc byte[Chunk];
        for (long left = waiting; left > 0;)
        {
            long got = Kernel.Call(Nr.read, own[0], (long)buffer, Chunk);
            if (got <= 0)
                throw new CheckpointException($"the contents of {file} cannot be read: {Errno.Name(got)}");
            arePackets |= got < Math.Min(left, Chunk);
            pieces.Add(new ReadOnlySpan<byte>(buffer, (int)got).ToArray());
            left -= got;
        }
        return pieces;
    }

    public static void Fill(BatchStream stream, long descriptor, PipeData data)
    {
        foreach (var contents in data.Pieces)
            for (int at = 0; at < contents.Length; at += Chunk)
            {
                var piece = contents.AsSpan(at, Math.Min(Chunk, contents.Length - at));
                var batch = stream.Room(1, piece.Length + 16);
                batch.Call(Nr.write, descriptor, batch.Bytes(piece), piece.Length);
            }
    }
}

/// <summary>What an image holds of a pipe: one piece, or each packet.</summary>
/// <param name="Size">Of the pipe, F_SETPIPE_SZ, in bytes; 0: the default.</param>
/// <param name="Pieces">In order.</param>
internal sealed record PipeData(uint Size, List<byte[]> Pieces)
{
    public static readonly PipeData None = new(0, []);
}
