using System.Runtime.InteropServices;
using Iced.Intel;
using Linux.Abi;

namespace Criu.Parasite;

/// <summary>Puts assembled code into the engine's own memory.</summary>
internal static unsafe class ExecutableMemory
{
    public static nint Load(byte[] code)
    {
        const int ReadWrite = Mman.PROT_READ | Mman.PROT_WRITE;
        long page = Kernel.Call(Nr.mmap, 0, code.Length, ReadWrite, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, -1, 0);
        ParasiteException.Check(page, "mmap", "a code page of the engine");
        Marshal.Copy(code, 0, (nint)page, code.Length);
        // Never writable and executable at once: hardened systems refuse that.
        ParasiteException.Check(Kernel.Call(Nr.mprotect, page, code.Length, Mman.PROT_READ | Mman.PROT_EXEC), "mprotect", "a code page of the engine");
        return (nint)page;
    }

    public static byte[] Bytes(this Assembler assembler, ulong address = 0)
    {
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }
}
