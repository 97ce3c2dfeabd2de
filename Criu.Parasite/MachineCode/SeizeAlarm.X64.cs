using Iced.Intel;
using Linux.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Criu.Parasite;

/// <summary>
/// A guard's handler of SIGALRM, behind the blob: it gives up a PTRACE_SEIZE that does not return.
///
/// A thread that calls execve holds the mutex that PTRACE_SEIZE takes, while it waits for its siblings to end; and those of them that the guard has seized end only when
/// the guard waits for them. The guard, in PTRACE_SEIZE, waits for the mutex: nobody moves again (ptrace_attach and de_thread share cred_guard_mutex). The wait can be
/// interrupted by a signal, but the kernel then begins the call anew (ERESTARTNOINTR). So the handler passes over the call: it answers EINTR, and is tried again later.
/// Anywhere else the handler changes nothing.
/// </summary>
internal static class SeizeAlarm
{
    // ucontext_t, asm/ucontext.h and struct sigcontext: bytes from its start to the saved registers.
    private const int SavedRdi = 104, SavedRax = 144, SavedRip = 168;
    private const ushort SyscallInstruction = 0x050f;

    private static readonly (byte[] Code, int Restorer) Assembled = Assemble();

    public static byte[] Code => Assembled.Code;

    /// <summary>Where the guard finds the handler, and the code that ends it (sigaction's restorer).</summary>
    public static (long Handler, long Restorer) In(PuppetPlace place) => (place.Blob + Blob.Code.Length, place.Blob + Blob.Code.Length + Assembled.Restorer);

    private static (byte[], int) Assemble()
    {
        var c = new Assembler(64);
        var leave = c.CreateLabel();
        var restorer = c.CreateLabel();
        c.mov(rax, __[rdx + SavedRip]);
        c.cmp(__word_ptr[rax], SyscallInstruction);
        c.jne(leave);
        c.cmp(__qword_ptr[rdx + SavedRax], (int)Nr.ptrace);
        c.jne(leave);
        c.cmp(__qword_ptr[rdx + SavedRdi], Ptrace.SEIZE);
        c.jne(leave);
        c.add(__qword_ptr[rdx + SavedRip], 2);
        c.mov(__qword_ptr[rdx + SavedRax], -Errno.EINTR);
        c.Label(ref leave);
        c.ret();
        c.Label(ref restorer);
        c.mov(eax, (int)Nr.rt_sigreturn);
        c.syscall();
        using var stream = new MemoryStream();
        var result = c.Assemble(new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return (stream.ToArray(), (int)result.GetLabelRIP(restorer));
    }
}
