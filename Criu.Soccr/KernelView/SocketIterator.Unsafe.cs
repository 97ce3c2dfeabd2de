using Linux.Abi;
using Microsoft.Win32.SafeHandles;
using static Criu.Soccr.BpfRegister;

namespace Criu.Soccr;

/// <summary>
/// Reads members of the kernel's structures of all TCP sockets of which a thread has descriptors, by a BPF program that the kernel runs for each of them (an iterator over
/// files of tasks; Documentation/bpf/bpf_iterators.rst): some hundred nanoseconds a socket, what one getsockopt costs. It takes CAP_BPF and CAP_PERFMON, BTF, and Linux 6.1.
/// </summary>
internal sealed unsafe class SocketIterator
{
    private const int StackSize = 512, RecordHead = 2 * sizeof(ulong);

    private readonly SafeFileHandle program;
    private readonly RecordLayout layout;

    private SocketIterator(SafeFileHandle program, RecordLayout layout) => (this.program, this.layout) = (program, layout);

    /// <summary>Null where the kernel takes no program for it.</summary>
    public static SocketIterator? TryMake(KernelTypes types, RecordLayout layout) => TryMake(types, layout, oneByOne: true) ?? TryMake(types, layout, oneByOne: false);

    /// <param name="types">Of the kernel.</param>
    /// <param name="layout">What is read.</param>
    /// <param name="oneByOne">Each member by a load, which is quick, and which the kernel may refuse; else by helpers.</param>
    internal static SocketIterator? TryMake(KernelTypes types, RecordLayout layout, bool oneByOne)
    {
        if (types.NumberOf(Btf.FUNC, "bpf_iter_task_file") is not { } target || RecordHead + layout.Size > StackSize
            || TryWrite(types, layout, oneByOne) is not { } code)
            return null;
        long fd = LoadProgram(code, target);
        return Kernel.Failed(fd) ? null : new SocketIterator(Kernel.Own(fd), layout);
    }

    /// <summary>A program for nothing is refused in any case; for want of privilege, before anything else is looked at.</summary>
    public static bool MayLoad()
    {
        var nothing = new BpfCode();
        nothing.Exit();
        return LoadProgram(nothing.ToArray(), target: 0) is not (-Errno.EPERM or -Errno.EACCES or -Errno.ENOSYS);
    }

    /// <summary>
    /// For one file: nothing where it is no TCP socket; else a record, the number of the descriptor and the time in nanoseconds, in eight bytes each, and the members. Where one cannot be read (a kernel that is
    /// locked down) there is no record. What IPv6 has is 0 in sockets of IPv4.
    /// </summary>
    private static ulong[]? TryWrite(KernelTypes types, RecordLayout layout, bool oneByOne)
    {
        if (types.Find("bpf_iter__task_file.file") is not { } file || types.Find("bpf_iter__task_file.fd") is not { } number || types.Find("bpf_iter__task_file.meta") is not { } meta
            || types.Find("bpf_iter_meta.seq") is not { } sequence || types.Find("socket.sk") is not { } sock || types.Find("inet_sock.pinet6") is not { } ofIPv6)
            return null;
        int size = RecordHead + layout.Size;
        var code = new BpfCode();
        List<int> toEnd = [];

        code.Move(R6, R1);
        code.Load(R1, R6, file.Offset);
        toEnd.Add(code.JumpIfZero(R1));
        code.Move(R9, R1);
        code.Call(Bpf.FUNC_sock_from_file);
        toEnd.Add(code.JumpIfZero(R0));
        code.Load(R1, R0, sock.Offset);
        toEnd.Add(code.JumpIfZero(R1));
        code.Call(Bpf.FUNC_skc_to_tcp_sock);
        toEnd.Add(code.JumpIfZero(R0));
        code.Move(R7, R0);

        code.Set(R1, 0);
        for (int at = -size; at < 0; at += sizeof(ulong))
            code.Store(R10, at, R1);
        code.Load(R1, R6, number.Offset, sizeof(uint));
        code.Store(R10, -size, R1);
        code.Call(Bpf.FUNC_ktime_get_ns);
        code.Store(R10, sizeof(ulong) - size, R0);
        Read(code, layout, R9, KernelObject.File, oneByOne, size, toEnd);
        Read(code, layout, R7, KernelObject.Socket, oneByOne, size, toEnd);
        code.Load(R8, R7, ofIPv6.Offset);
        int toWrite = code.JumpIfZero(R8);
        Read(code, layout, R8, KernelObject.OfIPv6, oneByOne, size, toEnd);
        code.Mark(toWrite);

        code.Load(R1, R6, meta.Offset);
        code.Load(R1, R1, sequence.Offset);
        code.Sum(R2, R10, -size);
        code.Set(R3, size);
        code.Call(Bpf.FUNC_seq_write);
        code.Mark([.. toEnd]);
        code.Set(R0, 0);
        code.Exit();
        return code.ToArray();
    }

    /// <summary>A load is a few instructions, but must be of just one member, as the kernel knows it; a helper reads whatever it is told, and takes its time.</summary>
    private static void Read(BpfCode code, RecordLayout layout, BpfRegister structure, KernelObject of, bool oneByOne, int size, List<int> toEnd)
    {
        foreach (var span in (oneByOne ? layout.Members : layout.Spans).Where(s => s.Of == of))
        {
            int place = RecordHead + span.Place - size;
            if (oneByOne && span.Size is 1 or 2 or 4 or 8 && span.Offset % span.Size == 0)
            {
                code.Load(R1, structure, span.Offset, span.Size);
                code.Store(R10, place, R1, span.Size);
                continue;
            }
            code.Sum(R1, R10, place);
            code.Set(R2, span.Size);
            code.Sum(R3, structure, span.Offset);
            code.Call(Bpf.FUNC_probe_read_kernel);
            toEnd.Add(code.JumpUnlessZero(R0));
        }
    }

    private static long LoadProgram(ulong[] code, int target)
    {
        fixed (ulong* instructions = code)
        fixed (byte* license = "Dual MIT/GPL\0"u8)      // what the helpers ask for; ours is the MIT License
        {
            var load = new BpfProgramLoad
            {
                Type = Bpf.PROG_TYPE_TRACING, InstructionCount = (uint)code.Length, Instructions = (ulong)instructions, License = (ulong)license,
                ExpectedAttachType = Bpf.TRACE_ITER, AttachBtfId = (uint)target,
            };
            "criu_soccr"u8.CopyTo(new Span<byte>(load.Name, 16));
            return Kernel.Call(Nr.bpf, Bpf.PROG_LOAD, (long)(&load), sizeof(BpfProgramLoad));
        }
    }

    /// <summary>Records of all TCP sockets of which the calling thread has descriptors. Null where the kernel does not do it.</summary>
    public SocketRecords? Read()
    {
        var only = new BpfIteratorTask { ThreadId = (uint)Kernel.Call(Nr.gettid) };
        var link = new BpfLinkCreate { Program = (uint)program.Fd(), AttachType = Bpf.TRACE_ITER, IteratorInfo = (ulong)(&only), IteratorInfoLength = (uint)sizeof(BpfIteratorTask) };
        long result = Kernel.Call(Nr.bpf, Bpf.LINK_CREATE, (long)(&link), sizeof(BpfLinkCreate));
        if (Kernel.Failed(result))
            return null;
        using var ofLink = Kernel.Own(result);
        var create = new BpfIteratorCreate { Link = (uint)ofLink.Fd() };
        result = Kernel.Call(Nr.bpf, Bpf.ITER_CREATE, (long)(&create), sizeof(BpfIteratorCreate));
        if (Kernel.Failed(result))
            return null;
        using var iterator = Kernel.Own(result);
        return SocketRecords.TryRead(iterator.Fd(), RecordHead, layout.Size);
    }
}
