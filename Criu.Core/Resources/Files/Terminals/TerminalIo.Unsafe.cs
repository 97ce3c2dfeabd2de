using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>ioctl_tty(2), and reading and writing without waiting, on descriptors of the engine.</summary>
internal static unsafe class TerminalIo
{
    /// <summary>False for a side that is hung up (its other side is closed for good): the kernel answers EIO to everything.</summary>
    public static bool TryReadSettings(SafeFileHandle terminal, out TerminalSettings settings)
    {
        fixed (TerminalSettings* into = &settings)
        {
            long result = Kernel.Call(Nr.ioctl, terminal.Fd(), TerminalCall.TCGETS2, (long)into);
            return result == -Errno.EIO ? false : Demand(result, "TCGETS2") >= 0;
        }
    }

    public static void SetSettings(SafeFileHandle terminal, TerminalSettings settings) =>
        Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), TerminalCall.TCSETS2, (long)(&settings)), "TCSETS2");

    /// <summary>Which settings nobody may change.</summary>
    public static TerminalSettings ReadLocked(SafeFileHandle terminal)
    {
        TerminalSettings locked = default;
        Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), TerminalCall.TIOCGLCKTRMIOS, (long)(&locked)), "TIOCGLCKTRMIOS");
        return locked;
    }

    public static void SetLocked(SafeFileHandle terminal, TerminalSettings locked) =>
        Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), TerminalCall.TIOCSLCKTRMIOS, (long)(&locked)), "TIOCSLCKTRMIOS");

    public static WindowSize ReadSize(SafeFileHandle terminal)
    {
        WindowSize size = default;
        Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), TerminalCall.TIOCGWINSZ, (long)(&size)), "TIOCGWINSZ");
        return size;
    }

    public static void SetSize(SafeFileHandle terminal, WindowSize size) => Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), TerminalCall.TIOCSWINSZ, (long)(&size)), "TIOCSWINSZ");

    /// <summary>A number; 0 where the terminal has none of that name (ENOTTY).</summary>
    public static int Read(SafeFileHandle terminal, uint request)
    {
        int value = 0;
        long result = Kernel.Call(Nr.ioctl, terminal.Fd(), request, (long)(&value));
        return result == -Errno.ENOTTY ? 0 : Demand(result, $"ioctl {request:x}") >= 0 ? value : 0;
    }

    /// <summary>Of requests that read a number.</summary>
    public static void Set(SafeFileHandle terminal, uint request, int value) => Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), request, (long)(&value)), $"ioctl {request:x}");

    /// <summary>Of requests that take a number.</summary>
    public static void Tell(SafeFileHandle terminal, uint request, int value = 0) => Demand(Kernel.Call(Nr.ioctl, terminal.Fd(), request, value), $"ioctl {request:x}");

    /// <summary>Access and flags of the description, fcntl(2) F_SETFL.</summary>
    public static void SetFlags(SafeFileHandle terminal, int flags) => Demand(Kernel.Call(Nr.fcntl, terminal.Fd(), Fcntl.F_SETFL, flags), "F_SETFL");

    /// <summary>A slave of a master, a description of our own that never waits. One that is closed looks so again when ours is closed.</summary>
    public static SafeFileHandle OpenSlave(SafeFileHandle master)
    {
        bool isLocked = Read(master, TerminalCall.TIOCGPTLCK) != 0;
        if (isLocked)
            Set(master, TerminalCall.TIOCSPTLCK, 0);
        long slave = Kernel.Call(Nr.ioctl, master.Fd(), TerminalCall.TIOCGPTPEER, Fcntl.O_RDWR | Fcntl.O_NONBLOCK | Fcntl.O_NOCTTY | Fcntl.O_CLOEXEC);
        if (isLocked)
            Set(master, TerminalCall.TIOCSPTLCK, 1);
        return Kernel.Own(Demand(slave, "TIOCGPTPEER"));
    }

    /// <returns>What poll(2) finds of these events, within so many milliseconds.</returns>
    public static short Await(SafeFileHandle terminal, short events, int milliseconds)
    {
        PollEntry entry = new() { Fd = terminal.Fd(), Events = events };
        return Kernel.Call(Nr.poll, (long)(&entry), 1, milliseconds) > 0 ? entry.Found : (short)0;
    }

    /// <summary>What poll finds now.</summary>
    public static short Look(SafeFileHandle terminal, short events) => Await(terminal, events, 0);

    /// <returns>Bytes, or -errno.</returns>
    public static long Read(SafeFileHandle terminal, Span<byte> buffer)
    {
        fixed (byte* into = buffer)
            return Kernel.Call(Nr.read, terminal.Fd(), (long)into, buffer.Length);
    }

    /// <returns>Bytes, or -errno.</returns>
    public static long Write(SafeFileHandle terminal, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* from = bytes)
            return Kernel.Call(Nr.write, terminal.Fd(), (long)from, bytes.Length);
    }

    /// <summary>The first of the engine's own standard descriptors that is a terminal; -1 where none is.</summary>
    public static int OwnTerminal()
    {
        TerminalSettings settings;
        for (int fd = 0; fd <= 2; fd++)
            if (!Kernel.Failed(Kernel.Call(Nr.ioctl, fd, TerminalCall.TCGETS2, (long)(&settings))))
                return fd;
        return -1;
    }

    public static long Demand(long result, string call) => Kernel.Failed(result) ? throw new CheckpointException($"{call} of a terminal failed: {Errno.Name(result)}") : result;
}
