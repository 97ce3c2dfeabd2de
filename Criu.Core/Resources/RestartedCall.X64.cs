using System.Buffers.Binary;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources;

/// <summary>
/// Which call a thread is in that the kernel restarts by a restart block: nanosleep, clock_nanosleep, poll or futex with a time. A thread that was stopped before is in
/// restart_syscall(2), and only its code still tells: the number was loaded right before the syscall instruction.
/// </summary>
internal static class RestartedCall
{
    private const int Window = 32, SyscallSize = 2, LoadSize = 5;      // bytes: mov eax, imm32

    /// <summary>Null where it cannot be told.</summary>
    public static long? NumberOf(TracedThread thread)
    {
        var stop = thread.RegistersAtStop;
        if (stop.OrigRax != (long)Nr.restart_syscall)
            return stop.OrigRax;
        Span<byte> code = stackalloc byte[Window];
        if (RemoteMemory.TryRead(thread.Tid, stop.Rip - SyscallSize - Window, code) != Window)
            return null;
        const byte MovEax = 0xb8;
        for (int at = Window - LoadSize; at >= 0; at--)
            if (code[at] == MovEax)
                return BinaryPrimitives.ReadInt32LittleEndian(code[(at + 1)..]) is var number && HasRestartBlock(number) ? number : null;
        return null;
    }

    private static bool HasRestartBlock(int number) => number is (int)Nr.nanosleep or (int)Nr.clock_nanosleep or (int)Nr.poll or (int)Nr.futex;
}
