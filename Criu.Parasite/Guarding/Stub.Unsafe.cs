using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Parasite;

/// <summary>
/// A fresh process that runs the blob and nothing else: a guard, or the root of a tree that is being restored. It waits on its socket
/// from birth, with "exit" as its will, so an engine that dies at any moment leaves no stub behind.
/// </summary>
internal sealed class Stub
{
    private Stub(int pid, SafeFileHandle memory, Arena arena, BatchChannel channel) => (Pid, Memory, Arena, Channel) = (pid, memory, arena, channel);

    public int Pid { get; }

    /// <summary>The memfd behind the arena.</summary>
    public SafeFileHandle Memory { get; }

    public Arena Arena { get; }
    public BatchChannel Channel { get; }

    /// <param name="request">Where and what it shall be.</param>
    public static Stub Spawn(StubRequest request)
    {
        var memory = NewMemory(request.Place.ArenaSize);
        var arena = new Arena(memory, request.Place.ArenaSize, request.Place.Arena);
        var (ours, theirs) = SocketPair();
        using var theirEnd = theirs;
        var channel = new BatchChannel(arena, 0, request.ChannelSpace, ours, () => true);
        channel.Control.Socket = theirs.Fd();
        channel.Control.Will = WriteExit(arena, request.ExitOffset);
        return new Stub(Start(request, memory, theirs), memory, arena, channel);
    }

    /// <summary>Another stub on the arena of one that died.</summary>
    public static (int Pid, SafeFileHandle Socket) SpawnAgain(StubRequest request, SafeFileHandle memory, BatchChannel channel)
    {
        var (ours, theirs) = SocketPair();
        using var theirEnd = theirs;
        channel.Control.Socket = theirs.Fd();
        return (Start(request, memory, theirs), ours);
    }

    private static int Start(StubRequest request, SafeFileHandle memory, SafeFileHandle socket)
    {
        using var image = WriteImage(StubElf.Build(request.Place, memory.Fd()));
        return Clone(image, memory, socket, request);
    }

    private static unsafe SafeFileHandle NewMemory(long size)
    {
        fixed (byte* name = "arena\0"u8)
        {
            var memory = Kernel.Own(ParasiteException.Check(Kernel.Call(Nr.memfd_create, (long)name, Fcntl.MFD_CLOEXEC), "memfd_create", "the arena"));
            ParasiteException.Check(Kernel.Call(Nr.ftruncate, memory.Fd(), size), "ftruncate", "the arena");
            return memory;
        }
    }

    private static unsafe (SafeFileHandle Ours, SafeFileHandle Theirs) SocketPair()
    {
        int* pair = stackalloc int[2];
        long result = Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, 0, (long)pair);
        ParasiteException.Check(result, "socketpair", "the guard");
        return (Kernel.Own(pair[0]), Kernel.Own(pair[1]));
    }

    /// <summary>The bottom of every will.</summary>
    private static long WriteExit(Arena arena, long offset)
    {
        var exit = arena.At<SyscallRecord>(offset);
        exit.Value = new SyscallRecord(Nr.exit_group, 0, 0L);
        return exit.Remote;
    }

    private static unsafe SafeFileHandle WriteImage(byte[] elf)
    {
        fixed (byte* name = "stub\0"u8, bytes = elf)
        {
            var image = Kernel.Own(ParasiteException.Check(
                Kernel.Call(Nr.memfd_create, (long)name, Fcntl.MFD_CLOEXEC | Fcntl.MFD_EXEC), "memfd_create", "an executable stub"));
            ParasiteException.Check(Kernel.Call(Nr.write, image.Fd(), (long)bytes, elf.Length), "write", "the stub");
            return image;
        }
    }

    private static unsafe int Clone(SafeFileHandle image, SafeFileHandle memory, SafeFileHandle socket, StubRequest request)
    {
        int pid = request.Pid;
        int[] keep = [memory.Fd(), socket.Fd(), .. request.Keep ?? [], -1];
        fixed (byte* empty = "\0"u8, name = "puppet\0"u8)
        fixed (int* kept = keep)
        {
            byte** argv = stackalloc byte*[] { name, null };
            var clone = new CloneArgs
            {
                Flags = Sched.CLONE_VM | Sched.CLONE_VFORK | Sched.CLONE_CLEAR_SIGHAND | (request.AsSibling ? Sched.CLONE_PARENT : 0),
                ExitSignal = (ulong)request.ExitSignal,
                SetTid = pid == 0 ? 0 : (ulong)&pid,
                SetTidSize = pid == 0 ? 0UL : 1,
            };
            return SpawnThunk.Spawn(clone, new SpawnRequest
            {
                Image = image.Fd(), Path = (long)empty, Argv = (long)argv, Envp = (long)(argv + 1), Keep = (long)kept,
            });
        }
    }
}

/// <summary>What a stub shall be.</summary>
/// <param name="Place">Where its parts lie.</param>
/// <param name="ChannelSpace">Bytes of the arena, from its start, that belong to its own channel.</param>
/// <param name="ExitOffset">Bytes from the arena's start to the last record of its will.</param>
/// <param name="Pid">The wanted pid; 0 leaves it to the kernel.</param>
/// <param name="ExitSignal">0 for a guard: nobody's SIGCHLD handler or wait(-1) ever meets it.</param>
/// <param name="AsSibling">A child of our parent, not of us.</param>
/// <param name="Keep">Descriptors of ours that it shall have, under the same numbers.</param>
internal sealed record StubRequest(PuppetPlace Place, long ChannelSpace, long ExitOffset, int Pid = 0, int ExitSignal = 0, bool AsSibling = false, IReadOnlyList<int>? Keep = null);
