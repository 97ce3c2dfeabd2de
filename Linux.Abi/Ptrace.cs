namespace Linux.Abi;

/// <summary>linux/ptrace.h, and the regset notes of linux/elf.h.</summary>
internal static class Ptrace
{
    public const int POKEDATA = 5, CONT = 7, DETACH = 17, SYSCALL = 24, SETOPTIONS = 0x4200, GETEVENTMSG = 0x4201, GETSIGINFO = 0x4202, GETREGSET = 0x4204,
        SETREGSET = 0x4205, SEIZE = 0x4206, INTERRUPT = 0x4207, PEEKSIGINFO = 0x4209, GETSIGMASK = 0x420a, SETSIGMASK = 0x420b, SECCOMP_GET_FILTER = 0x420c,
        GET_RSEQ_CONFIGURATION = 0x420f;
    public const int O_TRACESYSGOOD = 1, O_TRACEEXEC = 0x10, O_EXITKILL = 1 << 20, O_SUSPEND_SECCOMP = 1 << 21;
    public const int EVENT_EXEC = 4, EVENT_STOP = 128, PEEKSIGINFO_SHARED = 1, NT_PRSTATUS = 1, NT_X86_XSTATE = 0x202;
}

/// <summary>struct ptrace_rseq_configuration, linux/ptrace.h.</summary>
internal struct RseqConfiguration
{
    public long Area;
    public uint Size, Signature, Flags, Pad;
}

/// <summary>struct ptrace_peeksiginfo_args, linux/ptrace.h.</summary>
internal struct PeekSiginfoArgs
{
    public ulong Offset;
    public uint Flags;
    public int Count;
}
