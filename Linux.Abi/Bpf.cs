namespace Linux.Abi;

/// <summary>Commands, types, helpers and opcodes of bpf(2), linux/bpf.h and linux/bpf_common.h.</summary>
internal static class Bpf
{
    public const int PROG_LOAD = 5, LINK_CREATE = 28, ITER_CREATE = 33;
    public const int PROG_TYPE_TRACING = 26, TRACE_ITER = 28;
    public const int FUNC_ktime_get_ns = 5, FUNC_probe_read_kernel = 113, FUNC_seq_write = 127, FUNC_skc_to_tcp_sock = 137, FUNC_sock_from_file = 162;

    public const int LDX = 1, STX = 3, JMP = 5, ALU64 = 7;                         // classes
    public const int MEM = 0x60, W = 0, H = 0x08, B = 0x10, DW = 0x18;              // ways and sizes of loads and stores
    public const int K = 0, X = 8, ADD = 0, MOV = 0xb0, JEQ = 0x10, JNE = 0x50, CALL = 0x80, EXIT = 0x90;
}

/// <summary>Kinds of types in BTF, linux/btf.h.</summary>
internal static class Btf
{
    public const int INT = 1, PTR = 2, ARRAY = 3, STRUCT = 4, UNION = 5, ENUM = 6, FWD = 7, TYPEDEF = 8, VOLATILE = 9, CONST = 10, RESTRICT = 11, FUNC = 12, FUNC_PROTO = 13, VAR = 14, DATASEC = 15,
        FLOAT = 16, DECL_TAG = 17, TYPE_TAG = 18, ENUM64 = 19;
}

/// <summary>union bpf_attr as BPF_PROG_LOAD takes it, up to what is used, linux/bpf.h.</summary>
internal unsafe struct BpfProgramLoad
{
    public uint Type, InstructionCount;
    public ulong Instructions, License;
    public uint LogLevel, LogSize;
    public ulong Log;
    public uint KernelVersion, Flags;
    public fixed byte Name[16];
    public uint Interface, ExpectedAttachType, ProgramBtf, FunctionInfoSize;
    public ulong FunctionInfo;
    public uint FunctionInfoCount, LineInfoSize;
    public ulong LineInfo;
    public uint LineInfoCount, AttachBtfId, AttachProgram, Padding;
}

/// <summary>union bpf_attr as BPF_LINK_CREATE takes it for an iterator.</summary>
internal struct BpfLinkCreate
{
    public uint Program, Target, AttachType, Flags;
    public ulong IteratorInfo;
    public uint IteratorInfoLength, Padding;
}

/// <summary>union bpf_iter_link_info, of an iterator over tasks.</summary>
internal struct BpfIteratorTask
{
    public uint ThreadId, ProcessId, PidFd, Padding;
}

/// <summary>union bpf_attr as BPF_ITER_CREATE takes it.</summary>
internal struct BpfIteratorCreate
{
    public uint Link, Flags;
}
