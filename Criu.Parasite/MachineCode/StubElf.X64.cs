using System.Buffers.Binary;
using Iced.Intel;
using Linux.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Criu.Parasite;

/// <summary>
/// The smallest program that Linux accepts: an ELF header, one read+execute segment, a prologue and the blob. It becomes a guard or the
/// root of a restored tree. All it needs to know (addresses, the arena's descriptor) is assembled into it, so it takes no arguments.
///
///   0x00 ELF header   0x40 program header   0x78 prologue, blob
///
/// The prologue maps the arena and moves the blob out of the ELF into anonymous memory: PR_SET_MM_MAP refuses a new exe
/// link (EBUSY) while a mapping of the old executable is left.
/// </summary>
internal static class StubElf
{
    private const int HeaderSize = 0x40, ProgramHeaderSize = 0x38, CodeOffset = HeaderSize + ProgramHeaderSize;

    public static byte[] Build(PuppetPlace place, int arenaFd)
    {
        long load = place.End;                             // next to the arena, so that one hole serves for all
        byte[] code = Prologue(place, arenaFd, (ulong)(load + CodeOffset));
        var elf = new byte[CodeOffset + code.Length];
        WriteHeaders(elf, load);
        code.CopyTo(elf, CodeOffset);
        return elf;
    }

    private static byte[] Prologue(PuppetPlace place, int arenaFd, ulong address)
    {
        var c = new Assembler(64);
        var blob = c.CreateLabel();
        Map(c, place.Arena, place.ArenaSize, Mman.MAP_SHARED, arenaFd);
        Map(c, place.Blob, PuppetPlace.BlobSize, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, -1);
        c.lea(rsi, __[blob]);
        c.mov(rdi, place.Blob);
        c.mov(ecx, Blob.Code.Length + SeizeAlarm.Code.Length);
        c.rep.movsb();
        c.mov(rdi, place.Blob);
        c.mov(rsi, PuppetPlace.BlobSize);
        c.mov(edx, Mman.PROT_READ | Mman.PROT_EXEC);
        c.mov(eax, (int)Nr.mprotect);
        c.syscall();
        c.mov(rbx, place.Arena);
        c.mov(rax, place.Blob);
        c.jmp(rax);
        c.Label(ref blob);
        c.db(Blob.Code);
        c.db(SeizeAlarm.Code);
        return c.Bytes(address);
    }

    private static void Map(Assembler c, long address, long size, int flags, int fd)
    {
        c.mov(rdi, address);
        c.mov(rsi, size);
        c.mov(edx, Mman.PROT_READ | Mman.PROT_WRITE);
        c.mov(r10d, flags | Mman.MAP_FIXED_NOREPLACE);
        c.mov(r8d, fd);
        c.xor(r9d, r9d);
        c.mov(eax, (int)Nr.mmap);
        c.syscall();
    }

    /// <summary>elf(5): ET_EXEC, EM_X86_64, one PT_LOAD of the whole file.</summary>
    private static void WriteHeaders(Span<byte> elf, long load)
    {
        "\x7f"u8.CopyTo(elf);
        "ELF\x02\x01\x01"u8.CopyTo(elf[1..]);
        BinaryPrimitives.WriteInt16LittleEndian(elf[0x10..], 2);
        BinaryPrimitives.WriteInt16LittleEndian(elf[0x12..], 62);
        BinaryPrimitives.WriteInt32LittleEndian(elf[0x14..], 1);
        BinaryPrimitives.WriteInt64LittleEndian(elf[0x18..], load + CodeOffset);
        BinaryPrimitives.WriteInt64LittleEndian(elf[0x20..], HeaderSize);
        BinaryPrimitives.WriteInt16LittleEndian(elf[0x34..], HeaderSize);
        BinaryPrimitives.WriteInt16LittleEndian(elf[0x36..], ProgramHeaderSize);
        BinaryPrimitives.WriteInt16LittleEndian(elf[0x38..], 1);
        var program = elf[HeaderSize..];
        BinaryPrimitives.WriteInt32LittleEndian(program, 1);                       // PT_LOAD
        BinaryPrimitives.WriteInt32LittleEndian(program[4..], 5);                  // PF_R | PF_X
        BinaryPrimitives.WriteInt64LittleEndian(program[0x10..], load);
        BinaryPrimitives.WriteInt64LittleEndian(program[0x18..], load);
        BinaryPrimitives.WriteInt64LittleEndian(program[0x20..], elf.Length);
        BinaryPrimitives.WriteInt64LittleEndian(program[0x28..], elf.Length);
        BinaryPrimitives.WriteInt64LittleEndian(program[0x30..], Mman.PageSize);
    }
}
