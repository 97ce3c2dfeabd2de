using Iced.Intel;
using Linux.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Criu.Parasite;

/// <summary>
/// The batch runner: the only code of ours that ever runs in a guard, a dumped task or a task being restored.
///
///   rbx = control block   r12 = current record   r13 = end of the batch   r14 = first record
///
/// It never touches the stack (goroutine stacks are 2 KiB, and rsp may point anywhere), never calls, and is position independent.
/// Everything it must remember lies in the control block, so it may be interrupted and continued between any two instructions.
/// </summary>
internal static class Blob
{
    private static readonly (byte[] Code, int Syscall) Assembled = Assemble();

    public static byte[] Code => Assembled.Code;

    /// <summary>Offset of a <c>syscall</c> instruction, for calls that the guard makes with the registers alone.</summary>
    public static int SyscallOffset => Assembled.Syscall;

    private static (byte[] Code, int Syscall) Assemble()
    {
        var c = new Assembler(64);
        var labels = new Labels(c);
        Wait(c, labels);
        RunRecords(c, labels);
        PseudoCalls(c, labels);
        Finish(c, labels);
        using var stream = new MemoryStream();
        var result = c.Assemble(new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        while (stream.Length % sizeof(long) != 0)
            stream.WriteByte(0xcc);                     // int3, never reached: the code is poked word by word
        return (stream.ToArray(), (int)result.GetLabelRIP(labels.Syscall));
    }

    /// <summary>
    /// Entry. A puppet sleeps on the futex Go until it differs from Done. A guard (Socket ≥ 0) reads one byte from its socket; end of file
    /// means that the engine is gone, however it went: run the will, whose last record is exit_group.
    /// </summary>
    private static void Wait(Assembler c, Labels to)
    {
        var socket = c.CreateLabel();
        c.Label(ref to.Wait);
        c.mov(edi, __[rbx + ControlOffset.Socket]);
        c.test(edi, edi);
        c.jns(socket);

        c.mov(edx, __[rbx + ControlOffset.Go]);
        c.cmp(edx, __[rbx + ControlOffset.Done]);
        c.jne(to.Run);
        c.lea(rdi, __[rbx + ControlOffset.Go]);
        c.xor(esi, esi);                                // FUTEX_WAIT; not PRIVATE: the memory is shared with the engine
        c.xor(r10d, r10d);                              // no timeout: a timed wait would replace the task's restart block
        c.mov(eax, (int)Nr.futex);
        c.syscall();
        c.jmp(to.Wait);

        c.Label(ref socket);
        c.lea(rsi, __[rbx + ControlOffset.Message]);
        c.mov(edx, 1);
        c.xor(eax, eax);                                // read
        c.syscall();
        c.cmp(rax, -Errno.EINTR);
        c.je(to.Wait);
        c.test(rax, rax);
        c.jg(to.Run);
        c.mov(r12, __[rbx + ControlOffset.Will]);                     // 0 or an error such as ECONNRESET
        c.mov(r13, -1);
        c.jmp(to.Start);

        c.Label(ref to.Run);
        c.mov(r12, __[rbx + ControlOffset.Batch]);
        c.mov(r13, __[rbx + ControlOffset.End]);
        c.Label(ref to.Start);
        c.mov(r14, r12);
    }

    private static void RunRecords(Assembler c, Labels to)
    {
        var load = c.CreateLabel();
        c.Label(ref to.Next);
        c.cmp(r12, r13);
        c.je(to.Finished);
        c.movzx(ecx, __byte_ptr[r12 + RecordOffset.PatchedArgument]);    // k+1, 0 for none
        c.test(ecx, ecx);
        c.je(load);
        c.movzx(eax, __word_ptr[r12 + RecordOffset.PatchSource]);
        c.shl(rax, 6);
        c.mov(rax, __[r14 + rax + RecordOffset.Result]);
        c.mov(__[r12 + rcx * 8], rax);                      // argument k lies at 8 + 8k
        c.Label(ref load);
        c.mov(eax, __[r12 + RecordOffset.Number]);
        c.mov(rdi, __[r12 + RecordOffset.Arguments]);
        c.mov(rsi, __[r12 + RecordOffset.Arguments + 8]);
        c.mov(rdx, __[r12 + RecordOffset.Arguments + 16]);
        c.mov(r10, __[r12 + RecordOffset.Arguments + 24]);
        c.mov(r8, __[r12 + RecordOffset.Arguments + 32]);
        c.mov(r9, __[r12 + RecordOffset.Arguments + 40]);
        c.cmp(eax, (int)SyscallRecord.FirstPseudo);
        c.jae(to.Pseudo);
        c.Label(ref to.Syscall);
        c.syscall();
        c.mov(__[r12 + RecordOffset.Result], rax);
        c.cmp(rax, -4095);
        c.jb(to.Advance);
        c.test(__byte_ptr[r12 + RecordOffset.Flags], SyscallRecord.StopOnError);
        c.jne(to.Finished);
        c.Label(ref to.Advance);
        c.add(r12, SyscallRecord.Size);
        c.jmp(to.Next);
    }

    /// <summary>Three things that no system call does: store a value, copy bytes, jump.</summary>
    private static void PseudoCalls(Assembler c, Labels to)
    {
        var absolute = c.CreateLabel();
        var store = c.CreateLabel();
        var copy = c.CreateLabel();
        c.Label(ref to.Pseudo);
        c.test(__byte_ptr[r12 + RecordOffset.Flags], SyscallRecord.TargetIsRelative);
        c.je(absolute);
        c.add(rdi, r12);
        c.Label(ref absolute);
        c.cmp(eax, (int)SyscallRecord.Store64);
        c.je(store);
        c.cmp(eax, (int)SyscallRecord.Copy);
        c.je(copy);

        c.and(esi, __[rdi]);                                // JumpIf: (*(u32*)a0 & a1) == a2 → a3 bytes on
        c.cmp(esi, edx);
        c.jne(to.Advance);
        c.add(r12, r10);
        c.jmp(to.Next);

        c.Label(ref store);
        c.mov(__[rdi], rsi);
        c.jmp(to.Advance);

        c.Label(ref copy);
        c.mov(rcx, rdx);
        c.rep.movsb();                                      // DF is clear: the guard enters us with clean flags
        c.jmp(to.Advance);
    }

    /// <summary>Says where the batch ended (the failed record, or the end), then that it ended, then wakes the engine.</summary>
    private static void Finish(Assembler c, Labels to)
    {
        var socket = c.CreateLabel();
        c.Label(ref to.Finished);
        c.mov(__[rbx + ControlOffset.StoppedAt], r12);
        c.mov(eax, __[rbx + ControlOffset.Go]);
        c.mov(__[rbx + ControlOffset.Done], eax);
        c.mov(edi, __[rbx + ControlOffset.Socket]);
        c.test(edi, edi);
        c.jns(socket);
        c.lea(rdi, __[rbx + ControlOffset.Done]);
        c.mov(esi, Futex.FUTEX_WAKE);
        c.mov(edx, 1);
        c.mov(eax, (int)Nr.futex);
        c.syscall();
        c.jmp(to.Wait);
        c.Label(ref socket);
        c.lea(rsi, __[rbx + ControlOffset.Message]);
        c.mov(edx, 1);
        c.mov(eax, (int)Nr.write);                          // the engine may be gone: EPIPE, then the read sees it too
        c.syscall();
        c.jmp(to.Wait);
    }

    private sealed class Labels(Assembler c)
    {
        public Label Wait = c.CreateLabel(), Run = c.CreateLabel(), Start = c.CreateLabel(), Next = c.CreateLabel(),
            Syscall = c.CreateLabel(), Advance = c.CreateLabel(), Pseudo = c.CreateLabel(), Finished = c.CreateLabel();
    }
}
