using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>The master of a pseudo terminal in this process: what is outside the tree that has the other side.</summary>
internal sealed unsafe partial class TerminalMaster : IDisposable
{
    private const ulong TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431, TIOCSWINSZ = 0x5414;

    private readonly SafeFileHandle _master;

    private TerminalMaster(SafeFileHandle master) => _master = master;

    /// <summary>
    /// The lowest numbers are taken for so long, by which somebody else could open a terminal while ours are in images only. (CRIU finds a number up to 31 above the lowest.)
    /// </summary>
    public static IDisposable HoldLowest() => new Held([.. Enumerable.Range(0, 16).Select(_ => OpenLowest())]);

    /// <summary>A new one, 40 by 100, with a number that nobody else is likely to get.</summary>
    public static TerminalMaster Open()
    {
        using (HoldLowest())
            return OpenLowest();
    }

    private static TerminalMaster OpenLowest()
    {
        const int ReadWriteNoTerminal = 2 | 0x100 | 0x80000;
        int fd = open("/dev/ptmx", ReadWriteNoTerminal), none = 0;
        ushort* size = stackalloc ushort[] { 40, 100, 0, 0 };
        if (fd < 0 || ioctl(fd, TIOCSPTLCK, &none) < 0 || ioctl(fd, TIOCSWINSZ, size) < 0)
            throw new InvalidOperationException("no pseudo terminal");
        return new TerminalMaster(new SafeFileHandle(fd, ownsHandle: true));
    }

    private sealed class Held(List<TerminalMaster> all) : IDisposable
    {
        public void Dispose() => all.ForEach(one => one.Dispose());
    }

    /// <summary>One that was handed over; the descriptor is duplicated.</summary>
    public static TerminalMaster CopyOf(SafeFileHandle master) => new(new SafeFileHandle(dup((int)master.DangerousGetHandle()), ownsHandle: true));

    private int Fd => (int)_master.DangerousGetHandle();

    /// <summary>Of the slave.</summary>
    public string Name
    {
        get
        {
            int number;
            return ioctl(Fd, TIOCGPTN, &number) < 0 ? throw new InvalidOperationException("this is no master") : string.Create(CultureInfo.InvariantCulture, $"/dev/pts/{number}");
        }
    }

    /// <summary>As --external names the slave: its device, and that of its file system.</summary>
    public string Key
    {
        get
        {
            byte* stat = stackalloc byte[256];          // struct stat: st_dev, at 40 st_rdev
            return NewStat(Name, stat) < 0 ? throw new InvalidOperationException("no slave") : $"tty[{((ulong*)stat)[5]:x}:{((ulong*)stat)[0]:x}]";
        }
    }

    /// <summary>Types a line, and reads as much as is expected for an answer.</summary>
    public string Ask(string line, int bytes)
    {
        byte[] typed = Encoding.ASCII.GetBytes(line + "\n"), answer = new byte[bytes];
        fixed (byte* from = typed)
            if (write(Fd, from, typed.Length) != typed.Length)
                return "(nothing can be typed)";
        int have = 0;
        Child.Until(() => (have += Read(answer.AsSpan(have))) == bytes);
        return Encoding.ASCII.GetString(answer, 0, have);
    }

    private int Read(Span<byte> into)
    {
        Pollfd poll = new() { Fd = Fd, Events = 1 };
        if (Criu.EndToEnd.Tests.Harness.TerminalMaster.poll(&poll, 1, 0) <= 0 || (poll.Found & 1) == 0)
            return 0;
        fixed (byte* start = into)
            return (int)Math.Max(read(Fd, start, into.Length), 0);
    }

    public void Dispose() => _master.Dispose();

    private struct Pollfd
    {
        public int Fd;
        public short Events, Found;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int ioctl(int fd, ulong request, void* argument);

    [LibraryImport("libc", EntryPoint = "stat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NewStat(string path, void* into);

    [LibraryImport("libc")]
    private static partial int dup(int fd);

    [LibraryImport("libc")]
    private static partial nint read(int fd, byte* into, nint bytes);

    [LibraryImport("libc")]
    private static partial nint write(int fd, byte* from, nint bytes);

    [LibraryImport("libc")]
    private static partial int poll(Pollfd* entries, nuint count, int milliseconds);
}
