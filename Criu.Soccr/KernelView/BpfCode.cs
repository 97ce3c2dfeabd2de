using Linux.Abi;

namespace Criu.Soccr;

/// <summary>A register of a BPF program: R0 is what a call answers, R1 to R5 its arguments, which it destroys; R10 is the end of the stack.</summary>
internal enum BpfRegister { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 }

/// <summary>Instructions of a BPF program (Documentation/bpf/standardization/instruction-set.rst), one after the other. All jumps lead forward, to a place that is marked later.</summary>
internal sealed class BpfCode
{
    private readonly List<ulong> all = [];

    public ulong[] ToArray() => [.. all];

    public void Load(BpfRegister into, BpfRegister from, int offset, int size = sizeof(ulong)) => Add(Bpf.LDX | Bpf.MEM | WidthOf(size), into, from, offset, 0);

    public void Store(BpfRegister into, int offset, BpfRegister value, int size = sizeof(ulong)) => Add(Bpf.STX | Bpf.MEM | WidthOf(size), into, value, offset, 0);

    public void Move(BpfRegister into, BpfRegister from) => Add(Bpf.ALU64 | Bpf.MOV | Bpf.X, into, from, 0, 0);

    public void Set(BpfRegister into, int value) => Add(Bpf.ALU64 | Bpf.MOV | Bpf.K, into, 0, 0, value);

    /// <summary>A register and a number.</summary>
    public void Sum(BpfRegister into, BpfRegister from, int offset)
    {
        Move(into, from);
        Add(Bpf.ALU64 | Bpf.ADD | Bpf.K, into, 0, 0, offset);
    }

    public void Call(int helper) => Add(Bpf.JMP | Bpf.CALL, 0, 0, 0, helper);

    /// <returns>The jump, for <see cref="Mark"/>.</returns>
    public int JumpIfZero(BpfRegister tested) => Add(Bpf.JMP | Bpf.JEQ | Bpf.K, tested, 0, 0, 0);

    /// <returns>The jump, for <see cref="Mark"/>.</returns>
    public int JumpUnlessZero(BpfRegister tested) => Add(Bpf.JMP | Bpf.JNE | Bpf.K, tested, 0, 0, 0);

    /// <summary>Jumps lead to the instruction that comes next.</summary>
    public void Mark(params ReadOnlySpan<int> jumps)
    {
        foreach (int jump in jumps)
            all[jump] |= (ulong)(ushort)(all.Count - jump - 1) << 16;
    }

    public void Exit() => Add(Bpf.JMP | Bpf.EXIT, 0, 0, 0, 0);

    private static int WidthOf(int size) => size switch { 1 => Bpf.B, 2 => Bpf.H, 4 => Bpf.W, _ => Bpf.DW };

    private int Add(int code, BpfRegister destination, BpfRegister source, int offset, int value)
    {
        all.Add((uint)code | (ulong)destination << 8 | (ulong)source << 12 | (ulong)(ushort)offset << 16 | (ulong)(uint)value << 32);
        return all.Count - 1;
    }
}
