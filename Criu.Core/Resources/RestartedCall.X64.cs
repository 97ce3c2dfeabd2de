using System.Buffers.Binary;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources;

/// <summary>
/// A call that the kernel goes on with by a restart block: nanosleep, clock_nanosleep, poll or futex with a time. The stop finds a thread in it, or right before restart_syscall(2): where one
/// dump has let it go, and it has not run since, as it is stopped. A thread that was stopped before is in restart_syscall as well, and then only its code still tells which call it was: the
/// number was loaded right before the syscall instruction.
/// </summary>
internal static class RestartedCall
{
    private const int Window = 32, SyscallSize = 2, LoadSize = 5;      // bytes: mov eax, imm32
    private const long RestartBlock = -516;                            // ERESTART_RESTARTBLOCK

    /// <summary>Where its syscall instruction is; null: the thread is in none.</summary>
    public static long? PlaceOf(TracedThread thread)
    {
        var stop = thread.RegistersAtStop;
        if (stop.OrigRax >= 0)
            return stop.Rax == RestartBlock ? stop.Rip - SyscallSize : null;
        if (stop.Rax != (long)Nr.restart_syscall)
            return null;
        Span<byte> code = stackalloc byte[SyscallSize];
        return RemoteMemory.TryRead(thread.Tid, stop.Rip, code) == SyscallSize && code is [0x0f, 0x05] ? stop.Rip : null;
    }

    /// <summary>Null where it cannot be told.</summary>
    private static long? NumberOf(TracedThread thread, long place)
    {
        long called = thread.RegistersAtStop.OrigRax;
        if (called >= 0 && called != (long)Nr.restart_syscall)
            return called;
        Span<byte> code = stackalloc byte[Window];
        if (RemoteMemory.TryRead(thread.Tid, place - Window, code) != Window)
            return null;
        const byte MovEax = 0xb8;
        for (int at = Window - LoadSize; at >= 0; at--)
            if (code[at] == MovEax)
                return BinaryPrimitives.ReadInt32LittleEndian(code[(at + 1)..]) is var number && HasRestartBlock(number) ? number : null;
        return null;
    }

    /// <summary>The registers with which it starts anew, or ends with EINTR.</summary>
    public static Registers Restarted(TracedThread thread, Registers regs, long place)
    {
        const long Eintr = -4;
        var stop = thread.RegistersAtStop;
        long? call = NumberOf(thread, place);
        (regs.Rax, regs.Rip) = call is { } number ? (number, place) : (Eintr, place + SyscallSize);
        if (call == (long)Nr.nanosleep && stop.Rsi != 0)
            regs.Rdi = stop.Rsi;
        else if (call == (long)Nr.clock_nanosleep && stop.R10 != 0)
            regs.Rdx = stop.R10;
        return regs;
    }

    private static bool HasRestartBlock(int number) => number is (int)Nr.nanosleep or (int)Nr.clock_nanosleep or (int)Nr.poll or (int)Nr.futex;
}
