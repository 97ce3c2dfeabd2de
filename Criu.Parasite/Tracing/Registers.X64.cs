using Linux.Abi;

namespace Criu.Parasite;

/// <summary>struct user_regs_struct, sys/user.h: the regset NT_PRSTATUS of a 64-bit task.</summary>
public struct Registers
{
#pragma warning disable CS1591 // the members are the registers
    public long R15, R14, R13, R12, Rbp, Rbx, R11, R10, R9, R8, Rax, Rcx, Rdx, Rsi, Rdi, OrigRax, Rip, Cs, Eflags, Rsp, Ss, FsBase, GsBase, Ds, Es, Fs, Gs;
#pragma warning restore CS1591

    internal const int R8Offset = 9 * 8, RaxOffset = 10 * 8, RdiOffset = 14 * 8;

    private const long CleanFlags = 0x202;      // interrupts on, nothing else: a direction flag of the target would turn our copies round
    private const long NoSyscall = -1;

    /// <summary>
    /// As they must be put back after calls of ours. Left alone, the kernel would restart an interrupted call by itself; after ours it
    /// no longer does, so do what it would have done (arch/x86/kernel/signal.c). The syscall instruction is 2 bytes long.
    /// </summary>
    internal readonly Registers Resumable()
    {
        var regs = this;
        if (OrigRax < 0)
            return regs;
        (long rax, bool restart) = Rax switch
        {
            -512 or -513 or -514 => (OrigRax, true),        // ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND
            -516 => (219L, true),                           // ERESTART_RESTARTBLOCK: restart_syscall goes on with the rest of the time
            _ => (Rax, false),
        };
        regs.Rax = rax;
        regs.Rip -= restart ? 2 : 0;
        regs.OrigRax = NoSyscall;
        return regs;
    }

    /// <summary>Makes the task execute one call with the <c>syscall</c> instruction at an address.</summary>
    internal readonly Registers Calling(long instruction, Nr nr, params ReadOnlySpan<long> a)
    {
        var regs = Entering(instruction, Rbx);
        regs.Rax = (long)nr;
        (regs.Rdi, regs.Rsi, regs.Rdx) = (At(a, 0), At(a, 1), At(a, 2));
        (regs.R10, regs.R8, regs.R9) = (At(a, 3), At(a, 4), At(a, 5));
        return regs;
    }

    /// <summary>Makes the task run the blob with a control block.</summary>
    internal readonly Registers Entering(long blob, long control)
    {
        var regs = this;
        (regs.Rip, regs.Rbx, regs.Eflags, regs.OrigRax) = (blob, control, CleanFlags, NoSyscall);
        return regs;
    }

    private static long At(ReadOnlySpan<long> a, int k) => k < a.Length ? a[k] : 0;
}
