using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// An end of a pipe. Its inode number ties the ends together, and names the contents, which tee(2) copies without taking them out.
/// </summary>
internal sealed unsafe class Pipe : IFileKind
{
    private const int DefaultSize = 64 << 10, Chunk = 4096;                   // bytes

    public FdTypes Type => FdTypes.Pipe;

    public bool Matches(OpenFile file) => file.Stat.Kind == Stat.S_IFIFO && file.Link.StartsWith("pipe:["u8);

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        uint pipe = (uint)file.Stat.Inode;
        if (context.Files.IsFirst(FdTypes.Pipe, pipe))
            DumpContents(file, pipe, context);
        return new FileEntry
        {
            Type = FdTypes.Pipe, Id = id, Pipe = new PipeEntry { Id = id, PipeId = pipe, Flags = file.Flags, Fown = file.ReadOwner() },
        };
    }

    /// <summary>tee wants the read end, which the link of the write end opens as well. Our own pipe has as many slots, so all fits.</summary>
    private static void DumpContents(OpenFile file, uint pipe, DumpContext context)
    {
        using var source = Open(file);
        long size = Kernel.Call(Nr.fcntl, source.Fd(), Fcntl.F_GETPIPE_SZ);
        int waiting = 0;
        const int FIONREAD = 0x541b;
        Kernel.Call(Nr.ioctl, source.Fd(), FIONREAD, (long)(&waiting));
        if (waiting == 0 && size == DefaultSize)
            return;
        var writer = context.Writer(ImageKind.PipesData);
        writer.Write(new PipeDataEntry { PipeId = pipe, Bytes = (uint)waiting, Size = (uint)size });
        if (waiting > 0)
            CopyContents(file, source, size, waiting, writer);
    }

    private static SafeFileHandle Open(OpenFile file)
    {
        long fd = file.Task.Proc.TryOpenAt(Proc.ProcName.Of("fd"u8, file.Fd), Fcntl.O_RDONLY | Fcntl.O_NONBLOCK, out var handle) ? handle.Fd() : -Errno.ENOENT;
        return Kernel.Failed(fd) ? throw new CheckpointException($"{file} cannot be opened: {Errno.Name(fd)}") : handle!;
    }

    private static void CopyContents(OpenFile file, SafeFileHandle source, long size, int waiting, ImageWriter writer)
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
        Span<byte> buffer = stackalloc byte[Chunk];
        for (long left = waiting; left > 0;)
        {
            fixed (byte* into = buffer)
            {
                long got = Kernel.Call(Nr.read, own[0], (long)into, Math.Min(left, Chunk));
                if (got <= 0)
                    throw new CheckpointException($"the contents of {file} cannot be read: {Errno.Name(got)}");
                writer.WritePayload(buffer[..(int)got]);
                left -= got;
            }
        }
    }

    public ulong? GroupOf(FileEntry entry) => entry.Pipe.PipeId;

    /// <summary>
    /// Both ends are made even where one of them is nobody's any more: the contents go in by it.
    /// </summary>
    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        if (TryInherit(group, making))
            return;
        uint pipe = group[0].Pipe.PipeId;
        var stream = making.Stream;
        var pair = stream.Keep<long>();                 // two ints, which later batches read
        stream.Room(1).Call(Nr.pipe2, pair.Remote, 0L);
        var contents = making.PipeContents(pipe);
        if (contents.Size is not (0 or DefaultSize))
            stream.Room(2).CallWith(Syscall.Fcntl, 0, pair.Remote + sizeof(int), 0L, Fcntl.F_SETPIPE_SZ, contents.Size);
        Fill(stream, pair.Remote + sizeof(int), contents.Bytes);
        bool hasReader = false, hasWriter = false;
        foreach (var entry in group)
        {
            ref bool has = ref IsReader(entry) ? ref hasReader : ref hasWriter;
            MakeEnd(entry, pair.Remote, !has, making);
            has |= (entry.Pipe.Flags & Fcntl.O_LARGEFILE) == 0;
        }
        var last = stream.Room(4);
        last.CallWith(Syscall.Close, 0, pair.Remote, 0L);
        last.CallWith(Syscall.Close, 0, pair.Remote + sizeof(int), 0L);
    }

    private static bool TryInherit(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        string key = $"pipe:[{group[0].Pipe.PipeId}]";
        bool any = false;
        foreach (var entry in group)
            any |= making.TryInherit(entry.Id, key);
        return any;
    }

    private static void Fill(BatchStream stream, long writeEnd, ReadOnlyMemory<byte> contents)
    {
        for (int at = 0; at < contents.Length; at += Chunk)
        {
            var piece = contents.Span[at..Math.Min(at + Chunk, contents.Length)];
            var batch = stream.Room(2, piece.Length + 16);
            batch.CallWith(Syscall.Write, 0, writeEnd, 0L, batch.Bytes(piece), piece.Length);
        }
    }

    /// <summary>Only what is opened by a path has O_LARGEFILE: such a description was opened by a link of /proc, and is again.</summary>
    private static void MakeEnd(FileEntry entry, long pair, bool isFirst, FileMaking making)
    {
        long end = IsReader(entry) ? pair : pair + sizeof(int);
        var batch = making.Stream.Room(9, 64);
        StepResult fd;
        if (isFirst && (entry.Pipe.Flags & Fcntl.O_LARGEFILE) == 0)
        {
            fd = batch.CallWith(Syscall.Fcntl, 0, end, 0L, Fcntl.F_DUPFD, 0L);
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Pipe.Flags);
        }
        else
        {
            batch.CallWith(Syscall.Dup3, 0, end, 0L, making.LinkDescriptor, Fcntl.O_CLOEXEC);
            fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text($"/proc/self/fd/{making.LinkDescriptor}"), entry.Pipe.Flags | Fcntl.O_NONBLOCK);
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, entry.Pipe.Flags);
            batch.Call(Nr.close, making.LinkDescriptor);
        }
        making.Place(batch, entry.Id, fd, entry.Pipe.Fown);
    }

    private static bool IsReader(FileEntry entry) => (entry.Pipe.Flags & Fcntl.O_ACCMODE) == Fcntl.O_RDONLY;
}
