using System.Runtime.InteropServices;
using Iced.Intel;
using Linux.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Criu.Parasite;

/// <summary>What the child of the spawning thunk needs. It lives on the stack of the engine's thread, which sleeps until the exec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SpawnRequest
{
    public long Image, Path, Argv, Envp;      // execveat(Image, Path = "", Argv, Envp, AT_EMPTY_PATH)
    public long Keep;                         // int[]: descriptors that stay open under the same numbers; -1 ends the list
    public long ExecResult;                   // -errno of a failed exec: memory is shared until then
}

/// <summary>
/// <c>long spawn(clone_args*, size, SpawnRequest*)</c>: clone3 with CLONE_VM|CLONE_VFORK and execveat in the child.
///
/// .NET cannot fork: the child would have one thread of a runtime that believes in many. Here the child never runs a single managed
/// instruction and never touches the stack it shares with its sleeping parent: no push, no call, only registers.
/// </summary>
internal static unsafe class SpawnThunk
{
    private static readonly delegate* unmanaged<CloneArgs*, long, SpawnRequest*, long> Thunk =
        (delegate* unmanaged<CloneArgs*, long, SpawnRequest*, long>)ExecutableMemory.Load(Assemble());

    /// <summary>The new pid. All signals are blocked meanwhile: a handler of the runtime must never run in the child.</summary>
    public static int Spawn(CloneArgs clone, SpawnRequest request)
    {
        ulong all = ~0UL, before;
        Kernel.Call(Nr.rt_sigprocmask, Signals.SIG_SETMASK, (long)&all, (long)&before, sizeof(ulong));
        long pid = Thunk(&clone, sizeof(CloneArgs), &request);
        Kernel.Call(Nr.rt_sigprocmask, Signals.SIG_SETMASK, (long)&before, 0, sizeof(ulong));
        ParasiteException.Check(pid, "clone3", "a helper process");
        ParasiteException.Check(request.ExecResult, "execveat", "a helper process");
        return (int)pid;
    }

    private static byte[] Assemble()
    {
        var c = new Assembler(64);
        var parent = c.CreateLabel();
        c.mov(r9, rdx);                                       // the kernel keeps r9: our request pointer in the child
        c.mov(eax, (int)Nr.clone3);
        c.syscall();
        c.test(rax, rax);
        c.jne(parent);
        KeepDescriptors(c);
        c.mov(rdi, Field(nameof(SpawnRequest.Image)));
        c.mov(rsi, Field(nameof(SpawnRequest.Path)));
        c.mov(rdx, Field(nameof(SpawnRequest.Argv)));
        c.mov(r10, Field(nameof(SpawnRequest.Envp)));
        c.mov(r8d, Fcntl.AT_EMPTY_PATH);
        c.mov(eax, (int)Nr.execveat);
        c.syscall();
        c.mov(Field(nameof(SpawnRequest.ExecResult)), rax);   // only reached when the exec failed
        c.mov(edi, 127);
        c.mov(eax, (int)Nr.exit_group);
        c.syscall();
        c.Label(ref parent);
        c.ret();
        return c.Bytes();
    }

    /// <summary>Takes CLOEXEC off in the child's own table, so that no other exec of the engine can inherit the descriptors.</summary>
    private static void KeepDescriptors(Assembler c)
    {
        var next = c.CreateLabel();
        var done = c.CreateLabel();
        c.mov(rbx, Field(nameof(SpawnRequest.Keep)));
        c.Label(ref next);
        c.mov(edi, __[rbx]);
        c.test(edi, edi);
        c.js(done);
        c.mov(esi, Fcntl.F_SETFD);
        c.xor(edx, edx);
        c.mov(eax, (int)Nr.fcntl);
        c.syscall();
        c.add(rbx, sizeof(int));
        c.jmp(next);
        c.Label(ref done);
    }

    private static AssemblerMemoryOperand Field(string name) => __[r9 + (int)Marshal.OffsetOf<SpawnRequest>(name)];
}
