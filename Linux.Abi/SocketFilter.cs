namespace Linux.Abi;

/// <summary>linux/filter.h.</summary>
internal static class SocketFilter
{
    public const ushort BPF_RET = 6, BPF_K = 0;
}

/// <summary>struct sock_filter, linux/filter.h: one instruction.</summary>
internal struct FilterInstruction
{
    public ushort Code;
    public byte JumpTrue, JumpFalse;
    public uint K;
}

/// <summary>struct sock_fprog, linux/filter.h: the count of instructions, and their address.</summary>
internal struct FilterProgram
{
    public ushort Length;
    public ulong Instructions;
}
