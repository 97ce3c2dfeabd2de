using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Parasite;

/// <summary>One step of a batch, 64 bytes. The blob reads these offsets; both sides see the same memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SyscallRecord
{
    public uint Number;
    public byte Flags;
    public byte PatchedArgument;          // k+1: take argument k from another record's result; 0 for none
    public ushort PatchSource;            // index of that record in its batch
    public ArgumentArray Arguments;
    public long Result;

    public const int Size = 64, StopOnError = 1, TargetIsRelative = 2;
    public const uint FirstPseudo = 0x10000, Store64 = 0x10000, Copy = 0x10001, JumpIf = 0x10002;

    /// <summary>Stores into, or copies onto, an argument of the record right behind this one, wherever the two come to lie.</summary>
    public static SyscallRecord CopyToNext(int argument, long from, long bytes) =>
        new(Copy, TargetIsRelative, [Size + RecordOffset.Arguments + argument * sizeof(long), from, bytes]);

    /// <summary>Goes on that many records from here (negative: back) when the masked 32 bits at an address have this value.</summary>
    public static SyscallRecord Jump(int records, long address, int mask, int value) => new(JumpIf, 0, [address, mask, value, (long)records * Size]);

    /// <summary>The same with an address that is relative to this record.</summary>
    public static SyscallRecord JumpRelative(int records, long offset, int mask, int value) =>
        new(JumpIf, TargetIsRelative, [offset, mask, value, (long)records * Size]);

    public static SyscallRecord Store(long address, long value) => new(Store64, 0, [address, value]);

    public SyscallRecord(Nr nr, byte flags, params ReadOnlySpan<Argument> arguments) : this((uint)nr, flags, arguments)
    {
    }

    public SyscallRecord(uint number, byte flags, params ReadOnlySpan<Argument> arguments)
    {
        Number = number;
        Flags = flags;
        for (int k = 0; k < arguments.Length; k++)
            Set(k, arguments[k]);
    }

    private void Set(int k, Argument argument)
    {
        Arguments[k] = argument.Value;
        if (argument.From < 0)
            return;
        if (PatchedArgument != 0)
            throw new InvalidOperationException("one argument of a record can come from a result; copy the second");
        PatchedArgument = (byte)(k + 1);
        PatchSource = checked((ushort)argument.From);
    }

    [InlineArray(6)]
    internal struct ArgumentArray
    {
        private long first;
    }
}

/// <summary>What a puppet and the engine tell each other; the first 64 bytes of a puppet's part of the arena.</summary>
internal struct ControlBlock
{
    public uint Go;                       // raised by the engine for each batch
    public uint Done;                     // equals Go once it has run
    public long Batch, End;               // first record, and behind the last, in the puppet's addresses
    public long StoppedAt;                // End, or the record that failed
    public int Socket;                    // ≥ 0: woken by this socket (guard); -1: woken by the futex Go (puppet)
    public int Message;
    public long Will;                     // first record of the will; its last is exit_group

    public const int Size = 64;
}

/// <summary>The same layouts as the blob addresses them; a test compares the two.</summary>
internal static class RecordOffset
{
    public const int Number = 0, Flags = 4, PatchedArgument = 5, PatchSource = 6, Arguments = 8, Result = 56;
}

internal static class ControlOffset
{
    public const int Go = 0, Done = 4, Batch = 8, End = 16, StoppedAt = 24, Socket = 32, Message = 36, Will = 40;
}
