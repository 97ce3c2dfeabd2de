using System.Buffers.Text;
using Linux.Abi;

namespace Criu.Parasite;

/// <summary>The little of /proc/P/maps that a puppet's place needs: which ranges are taken, and where the vDSO is.</summary>
internal sealed class AddressSpace
{
    private readonly List<(long Start, long End)> ranges = [];

    public (long Start, long End) Vdso { get; private set; }

    public static AddressSpace Read(int pid, int tid)
    {
        var space = new AddressSpace();
        ReadOnlySpan<byte> text = File.ReadAllBytes($"/proc/{pid}/task/{tid}/maps");
        while (text.Length > 0)
        {
            int end = text.IndexOf((byte)'\n');
            space.Add(text[..(end < 0 ? text.Length : end)]);
            text = end < 0 ? [] : text[(end + 1)..];
        }
        return space;
    }

    private void Add(ReadOnlySpan<byte> line)
    {
        if (!Utf8Parser.TryParse(line, out long start, out int used, 'x') || !Utf8Parser.TryParse(line[(used + 1)..], out long end, out _, 'x')
            || start < 0)
            return;                                     // [vsyscall] lies in the kernel's half, in nobody's way
        ranges.Add((start, end));
        if (line.EndsWith("[vdso]"u8))
            Vdso = (start, end);
    }

    /// <summary>Far from whatever may grow: heap, stack and mmap area all lie at the edges of a large hole.</summary>
    public long MiddleOfLargestHole(long size) => MiddleOfLargestHole(ranges, size);

    internal static long MiddleOfLargestHole(IReadOnlyList<(long Start, long End)> ranges, long size)
    {
        long best = 0, bestLength = 0, end = Mman.PageSize * 16;
        for (int i = 0; i <= ranges.Count; i++)
        {
            var (start, next) = i < ranges.Count ? ranges[i] : (Mman.TaskSize, Mman.TaskSize);
            if (start - end > bestLength)
                (best, bestLength) = (end, start - end);
            end = Math.Max(end, next);
        }
        return bestLength < size
            ? throw new ParasiteException($"no hole of {size} bytes is left in the address space for the code to be injected")
            : best + (bestLength - size) / 2 & ~(Mman.PageSize - 1);
    }
}

/// <summary>The <c>syscall</c> instruction that every process has mapped. The kernel gives all 64-bit tasks one image, so ours tells the offset.</summary>
internal static unsafe class Vdso
{
    public static long SyscallIn(AddressSpace target, int pid)
    {
        if (target.Vdso.Start == 0)
            throw new ParasiteException($"pid {pid} has no vDSO mapped: no system call can be injected");
        var own = AddressSpace.Read(Environment.ProcessId, Environment.ProcessId).Vdso;
        int offset = new ReadOnlySpan<byte>((void*)own.Start, (int)(own.End - own.Start)).IndexOf("\x0f\x05"u8);
        return offset < 0 ? throw new ParasiteException("the vDSO of this kernel has no syscall instruction") : target.Vdso.Start + offset;
    }
}
