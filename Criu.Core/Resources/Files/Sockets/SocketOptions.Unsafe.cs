using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>Options of level SOL_SOCKET, which all families share: socket(7).</summary>
internal static unsafe class SocketOptions
{
    private const int Microsecond = 1_000_000, NameBytes = 16;          // IFNAMSIZ

    /// <summary>An option whose value is an int.</summary>
    /// <param name="Number">SO_*.</param>
    /// <param name="Get">Null where the image lacks it.</param>
    /// <param name="Set">Into the image.</param>
    private sealed record Plain(int Number, Func<SkOptsEntry, uint?> Get, Action<SkOptsEntry, uint> Set);

    private static readonly Plain[] PlainOptions =
    [
        new(So.REUSEADDR, o => o.HasReuseaddr ? Bit(o.Reuseaddr) : null, (o, v) => o.Reuseaddr = v != 0),
        new(So.PRIORITY, o => o.HasSoPriority ? o.SoPriority : null, (o, v) => o.SoPriority = v),
        new(So.RCVLOWAT, o => o.HasSoRcvlowat ? o.SoRcvlowat : null, (o, v) => o.SoRcvlowat = v),
        new(So.MARK, o => o.HasSoMark ? o.SoMark : null, SetMark),
        new(So.PASSSEC, o => o.HasSoPasssec ? Bit(o.SoPasssec) : null, (o, v) => o.SoPasssec = v != 0),
        new(So.DONTROUTE, o => o.HasSoDontroute ? Bit(o.SoDontroute) : null, (o, v) => o.SoDontroute = v != 0),
        new(So.NO_CHECK, o => o.HasSoNoCheck ? Bit(o.SoNoCheck) : null, (o, v) => o.SoNoCheck = v != 0),
        new(So.REUSEPORT, o => o.HasSoReuseport ? Bit(o.SoReuseport) : null, (o, v) => o.SoReuseport = v != 0),
        new(So.BROADCAST, o => o.HasSoBroadcast ? Bit(o.SoBroadcast) : null, (o, v) => o.SoBroadcast = v != 0),
        new(So.KEEPALIVE, o => o.HasSoKeepalive ? Bit(o.SoKeepalive) : null, (o, v) => o.SoKeepalive = v != 0),
        new(So.OOBINLINE, o => o.HasSoOobinline ? o.SoOobinline : null, (o, v) => o.SoOobinline = v),
        new(So.PASSCRED, o => o.HasSoPasscred ? Bit(o.SoPasscred) : null, (o, v) => o.SoPasscred = v != 0),
    ];

    private static uint Bit(bool value) => value ? 1u : 0;

    /// <summary>Only a privileged engine may set it: the image has it where it is set.</summary>
    private static void SetMark(SkOptsEntry options, uint value)
    {
        if (value != 0)
            options.SoMark = value;
    }

    /// <summary>All that a socket has.</summary>
    /// <param name="socket">Ours, or fetched: nothing is changed.</param>
    /// <param name="name">For errors.</param>
    public static SkOptsEntry Read(SafeFileHandle socket, string name)
    {
        var options = new SkOptsEntry { SoSndbuf = (uint)ReadInt(socket, So.SNDBUF), SoRcvbuf = (uint)ReadInt(socket, So.RCVBUF) };
        (options.SoSndTmoSec, options.SoSndTmoUsec) = ReadPair<ulong>(socket, So.SNDTIMEO_OLD);
        (options.SoRcvTmoSec, options.SoRcvTmoUsec) = ReadPair<ulong>(socket, So.RCVTIMEO_OLD);
        foreach (var option in PlainOptions)
            if (TryReadInt(socket, option.Number, out int value) is var result && result != -Errno.EOPNOTSUPP)      // this family does not have it
                option.Set(options, Kernel.Failed(result) ? throw Unreadable(option.Number, result) : (uint)value);
        if (ReadPair<int>(socket, So.LINGER) is (not 0, var seconds))
            options.SoLinger = (uint)seconds;
        if (!Kernel.Failed(TryReadInt(socket, So.BUF_LOCK, out int locks)))         // since 5.14
            options.SoBufLock = (uint)locks;
        ReadDevice(socket, options);
        ReadFilter(socket, options, name);
        return options;
    }

    public static int ReadInt(SafeFileHandle socket, int option)
    {
        long result = TryReadInt(socket, option, out int value);
        return Kernel.Failed(result) ? throw Unreadable(option, result) : value;
    }

    private static CheckpointException Unreadable(int option, long result) => new($"socket option {option} cannot be read: {Errno.Name(result)}");

    /// <summary>Also false where the kernel does not know the option.</summary>
    public static bool IsSet(SafeFileHandle socket, int option) => !Kernel.Failed(TryReadInt(socket, option, out int value)) && value != 0;

    /// <summary>An option that is set in a new socket; false where the kernel does not know it.</summary>
    public static bool IsCleared(SafeFileHandle socket, int option) => !Kernel.Failed(TryReadInt(socket, option, out int value)) && value == 0;

    private static long TryReadInt(SafeFileHandle socket, int option, out int value)
    {
        int length = sizeof(int);
        fixed (int* into = &value)
            return Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, option, (long)into, (long)(&length));
    }

    public static void SetInt(SafeFileHandle socket, int option, int value)
    {
        long result = Kernel.Call(Nr.setsockopt, socket.Fd(), Sockets.SOL_SOCKET, option, (long)(&value), sizeof(int));
        if (Kernel.Failed(result))
            throw new CheckpointException($"socket option {option} cannot be set: {Errno.Name(result)}");
    }

    private static (T First, T Second) ReadPair<T>(SafeFileHandle socket, int option) where T : unmanaged
    {
        T* values = stackalloc T[2];
        int length = 2 * sizeof(T);
        long result = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, option, (long)values, (long)(&length));
        return Kernel.Failed(result) ? throw Unreadable(option, result) : (values[0], values[1]);
    }

    private static void ReadDevice(SafeFileHandle socket, SkOptsEntry options)
    {
        byte* name = stackalloc byte[NameBytes];
        int length = NameBytes;
        if (!Kernel.Failed(Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.BINDTODEVICE, (long)name, (long)(&length))) && length > 1)
            options.SoBoundDev = ByteString.CopyFrom(new ReadOnlySpan<byte>(name, length - 1));
    }

    /// <summary>A classic filter: an instruction has 8 bytes, in the image code, jt, jf and k from the highest bit down. SO_GET_FILTER counts instructions, not bytes.</summary>
    private static void ReadFilter(SafeFileHandle socket, SkOptsEntry options, string name)
    {
        int count = 0;
        long result = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.ATTACH_FILTER, 0, (long)(&count));
        if (result == -Errno.EACCES)
            throw new CheckpointException($"{name} has an eBPF program for a filter, which is not supported yet", "It runs on, nothing was changed");
        if (Kernel.Failed(result) || count == 0)
            return;
        var program = new FilterInstruction[count];
        fixed (FilterInstruction* into = program)
            result = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.ATTACH_FILTER, (long)into, (long)(&count));
        if (Kernel.Failed(result))
            throw new CheckpointException($"the filter of {name} cannot be read: {Errno.Name(result)}");
        foreach (var step in program)
            options.SoFilter.Add((ulong)step.Code << 48 | (ulong)step.JumpTrue << 40 | (ulong)step.JumpFalse << 32 | step.K);
    }

    /// <summary>Sets what differs from a fresh socket.</summary>
    /// <param name="stream">Of the process that has the socket.</param>
    /// <param name="descriptor">Its number.</param>
    /// <param name="wanted">From the image.</param>
    /// <param name="fresh">Of a socket that was just made.</param>
    /// <param name="setsBuffers">Whether the sizes were changed in between and are to be set in any case.</param>
    public static void Restore(BatchStream stream, int descriptor, SkOptsEntry wanted, SkOptsEntry fresh, bool setsBuffers)
    {
        foreach (var option in PlainOptions)
            if (option.Get(wanted) is { } value && value != (option.Get(fresh) ?? 0))
                SetInt(stream, descriptor, option.Number, value);
        SetTime(stream, descriptor, So.SNDTIMEO_OLD, (wanted.SoSndTmoSec, wanted.SoSndTmoUsec));
        SetTime(stream, descriptor, So.RCVTIMEO_OLD, (wanted.SoRcvTmoSec, wanted.SoRcvTmoUsec));
        if (wanted.HasSoLinger)
        {
            var batch = stream.Room(1, 16);
            Set(batch, descriptor, So.LINGER, batch.New(new Linger { OnOff = 1, Seconds = (int)wanted.SoLinger }).Remote, sizeof(Linger));
        }
        if (wanted.HasSoBoundDev && !wanted.SoBoundDev.IsEmpty)
        {
            var batch = stream.Room(1, 32);
            Set(batch, descriptor, So.BINDTODEVICE, batch.Bytes(wanted.SoBoundDev.Span), wanted.SoBoundDev.Length);
        }
        if (wanted.SoFilter.Count > 0)
            SetFilter(stream, descriptor, wanted);
        if (setsBuffers || wanted.SoSndbuf != fresh.SoSndbuf || wanted.SoRcvbuf != fresh.SoRcvbuf || wanted.SoBufLock != fresh.SoBufLock)
            SetBuffers(stream, descriptor, wanted);
    }

    /// <summary>
    /// The kernel doubles what it is given. The limit of the system, net.core.wmem_max, holds unless the engine is privileged, which the second call finds out. Setting a size
    /// locks it, so whether it is locked comes last.
    /// </summary>
    private static void SetBuffers(BatchStream stream, int descriptor, SkOptsEntry wanted)
    {
        foreach (var (plain, forced, size) in ((int, int, uint)[])
            [(So.SNDBUF, So.SNDBUFFORCE, wanted.SoSndbuf), (So.RCVBUF, So.RCVBUFFORCE, wanted.SoRcvbuf)])
        {
            SetInt(stream, descriptor, plain, size / 2);
            TrySetInt(stream, descriptor, forced, size / 2);
        }
        TrySetInt(stream, descriptor, So.BUF_LOCK, wanted.HasSoBufLock ? wanted.SoBufLock : 0);        // since 5.14
    }

    public static void SetInt(BatchStream stream, int descriptor, int option, uint value)
    {
        var batch = stream.Room(1, 16);
        Set(batch, descriptor, option, batch.New(value).Remote, sizeof(uint));
    }

    public static void TrySetInt(BatchStream stream, int descriptor, int option, uint value)
    {
        var batch = stream.Room(1, 16);
        batch.Try(Nr.setsockopt, descriptor, Sockets.SOL_SOCKET, option, batch.New(value).Remote, sizeof(uint));
    }

    /// <summary>CRIU writes the rest of a second as it is read, in microseconds. 0: without a limit, as a fresh socket.</summary>
    private static void SetTime(BatchStream stream, int descriptor, int option, (ulong Seconds, ulong Microseconds) time)
    {
        if (time == default)
            return;
        if (time.Microseconds >= Microsecond)
            throw new CheckpointException($"a socket has a time limit of {time.Microseconds} microseconds beyond its seconds", "The image directory is damaged: take another dump");
        var batch = stream.Room(1, 32);
        Set(batch, descriptor, option, batch.New(time).Remote, 2 * sizeof(ulong));
    }

    public static FilterInstruction ToInstruction(ulong step) =>
        new() { Code = (ushort)(step >> 48), JumpTrue = (byte)(step >> 40), JumpFalse = (byte)(step >> 32), K = (uint)step };

    private static void SetFilter(BatchStream stream, int descriptor, SkOptsEntry wanted)
    {
        var batch = stream.Room(1, wanted.SoFilter.Count * sizeof(FilterInstruction) + 64);
        var program = batch.NewArray<FilterInstruction>(wanted.SoFilter.Count);
        for (int i = 0; i < wanted.SoFilter.Count; i++)
            program.Span[i] = ToInstruction(wanted.SoFilter[i]);
        var whole = batch.New(new FilterProgram { Length = (ushort)wanted.SoFilter.Count, Instructions = (ulong)program.Remote });
        Set(batch, descriptor, So.ATTACH_FILTER, whole.Remote, sizeof(FilterProgram));
    }

    private static void Set(SyscallBatch batch, int descriptor, int option, long value, int length) =>
        batch.Call(Nr.setsockopt, descriptor, Sockets.SOL_SOCKET, option, value, length);
}
