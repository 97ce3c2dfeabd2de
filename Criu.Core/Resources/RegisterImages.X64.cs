using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources;

/// <summary>
/// Registers between ptrace's layout and the images'. The xsave area has a legacy part (fxsave, 512 bytes), a header (64 bytes) and extended components, whose places
/// differ between processors: CPUID leaf 0xD tells them. The image has each component in a field of its own.
/// </summary>
internal static class RegisterImages
{
    private const int HeaderOffset = 512, ExtendedOffset = 576;        // bytes
    private static readonly int AreaSize = X86Base.CpuId(0xD, 0).Ebx;
    private const int Ymm = 2, BoundRegisters = 3, BoundStatus = 4, OpMask = 5, ZmmUpper = 6, Hi16Zmm = 7, Pkru = 9;      // component numbers

    public static void Fill(TracedThread thread, ThreadInfoX86 info)
    {
        info.Gpregs = FromRegisters(ForImage(thread));
        info.Fpregs = FromXstate(thread.Xstate);
        for (uint entry = 12; entry <= 14; entry++)
            info.Tls.Add(EmptyDescriptor(entry));
    }

    /// <summary>
    /// An interrupted call starts again after the restore, as it would have here. One that would go on with a restart block cannot: the block is the kernel's. It starts
    /// anew, a sleep with the time that the kernel has just written for the caller, if the caller asked for that.
    /// </summary>
    private static Registers ForImage(TracedThread thread) =>
        RestartedCall.PlaceOf(thread) is { } place ? RestartedCall.Restarted(thread, thread.Registers, place) : thread.Registers;

    private static UserX86RegsEntry FromRegisters(Registers r) => new()
    {
        R15 = (ulong)r.R15, R14 = (ulong)r.R14, R13 = (ulong)r.R13, R12 = (ulong)r.R12, Bp = (ulong)r.Rbp, Bx = (ulong)r.Rbx, R11 = (ulong)r.R11, R10 = (ulong)r.R10,
        R9 = (ulong)r.R9, R8 = (ulong)r.R8, Ax = (ulong)r.Rax, Cx = (ulong)r.Rcx, Dx = (ulong)r.Rdx, Si = (ulong)r.Rsi, Di = (ulong)r.Rdi, OrigAx = (ulong)r.OrigRax,
        Ip = (ulong)r.Rip, Cs = (ulong)r.Cs, Flags = (ulong)r.Eflags, Sp = (ulong)r.Rsp, Ss = (ulong)r.Ss, FsBase = (ulong)r.FsBase, GsBase = (ulong)r.GsBase,
        Ds = (ulong)r.Ds, Es = (ulong)r.Es, Fs = (ulong)r.Fs, Gs = (ulong)r.Gs, Mode = UserX86RegsMode.Native,
    };

    public static Registers ToRegisters(UserX86RegsEntry e) => new()
    {
        R15 = (long)e.R15, R14 = (long)e.R14, R13 = (long)e.R13, R12 = (long)e.R12, Rbp = (long)e.Bp, Rbx = (long)e.Bx, R11 = (long)e.R11, R10 = (long)e.R10,
        R9 = (long)e.R9, R8 = (long)e.R8, Rax = (long)e.Ax, Rcx = (long)e.Cx, Rdx = (long)e.Dx, Rsi = (long)e.Si, Rdi = (long)e.Di, OrigRax = -1,
        Rip = (long)e.Ip, Cs = (long)e.Cs, Eflags = (long)e.Flags, Rsp = (long)e.Sp, Ss = (long)e.Ss, FsBase = (long)e.FsBase, GsBase = (long)e.GsBase,
        Ds = (long)e.Ds, Es = (long)e.Es, Fs = (long)e.Fs, Gs = (long)e.Gs,
    };

    private static UserDescT EmptyDescriptor(uint number) => new()
    {
        EntryNumber = number, BaseAddr = 0, Limit = 0, Seg32Bit = false, ContentsH = false, ContentsL = false, ReadExecOnly = true, LimitInPages = false,
        SegNotPresent = true, Usable = false,
    };

    private static UserX86FpregsEntry FromXstate(ReadOnlySpan<byte> x)
    {
        var entry = new UserX86FpregsEntry
        {
            Cwd = BinaryPrimitives.ReadUInt16LittleEndian(x), Swd = BinaryPrimitives.ReadUInt16LittleEndian(x[2..]), Twd = BinaryPrimitives.ReadUInt16LittleEndian(x[4..]),
            Fop = BinaryPrimitives.ReadUInt16LittleEndian(x[6..]), Rip = BinaryPrimitives.ReadUInt64LittleEndian(x[8..]), Rdp = BinaryPrimitives.ReadUInt64LittleEndian(x[16..]),
            Mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(x[24..]), MxcsrMask = BinaryPrimitives.ReadUInt32LittleEndian(x[28..]),
        };
        entry.StSpace.AddRange(MemoryMarshal.Cast<byte, uint>(x.Slice(32, 128)).ToArray());
        entry.XmmSpace.AddRange(MemoryMarshal.Cast<byte, uint>(x.Slice(160, 256)).ToArray());
        if (x.Length > ExtendedOffset)
            entry.Xsave = FromExtended(x);
        return entry;
    }

    private static UserX86XsaveEntry FromExtended(ReadOnlySpan<byte> x)
    {
        var entry = new UserX86XsaveEntry { XstateBv = BinaryPrimitives.ReadUInt64LittleEndian(x[HeaderOffset..]) };
        entry.YmmhSpace.AddRange(MemoryMarshal.Cast<byte, uint>(Component(x, Ymm)).ToArray());
        entry.BndregState.AddRange(MemoryMarshal.Cast<byte, ulong>(Component(x, BoundRegisters)).ToArray());
        entry.BndcsrState.AddRange(MemoryMarshal.Cast<byte, ulong>(Component(x, BoundStatus)).ToArray());
        entry.OpmaskReg.AddRange(MemoryMarshal.Cast<byte, ulong>(Component(x, OpMask)).ToArray());
        entry.ZmmUpper.AddRange(MemoryMarshal.Cast<byte, ulong>(Component(x, ZmmUpper)).ToArray());
        entry.Hi16Zmm.AddRange(MemoryMarshal.Cast<byte, ulong>(Component(x, Hi16Zmm)).ToArray());
        entry.Pkru.AddRange(MemoryMarshal.Cast<byte, uint>(Component(x, Pkru)).ToArray());
        return entry;
    }

    /// <summary>Empty where this processor, or kernel, has no such component.</summary>
    private static ReadOnlySpan<byte> Component(ReadOnlySpan<byte> x, int number)
    {
        var (offset, size) = PlaceOf(number);
        return size > 0 && offset + size <= x.Length ? x.Slice(offset, size) : default;
    }

    /// <summary>Of this processor, read once: under a hypervisor each CPUID costs microseconds, and every thread needs seven.</summary>
    private static readonly (int Offset, int Size)[] Places = ReadPlaces();

    private static (int Offset, int Size) PlaceOf(int number) => Places[number];

    private static (int Offset, int Size)[] ReadPlaces()
    {
        var places = new (int, int)[Pkru + 1];
        for (int number = Ymm; number <= Pkru; number++)
        {
            var leaf = X86Base.CpuId(0xD, number);
            places[number] = (leaf.Ebx, leaf.Eax);
        }
        return places;
    }

    /// <summary>An xsave area for this processor. A component that the image has in use and the processor lacks cannot be restored.</summary>
    public static byte[] ToXstate(UserX86FpregsEntry e, RestoreTask task)
    {
        byte[] area = new byte[AreaSize];
        var x = area.AsSpan();
        BinaryPrimitives.WriteUInt16LittleEndian(x, (ushort)e.Cwd);
        BinaryPrimitives.WriteUInt16LittleEndian(x[2..], (ushort)e.Swd);
        BinaryPrimitives.WriteUInt16LittleEndian(x[4..], (ushort)e.Twd);
        BinaryPrimitives.WriteUInt16LittleEndian(x[6..], (ushort)e.Fop);
        BinaryPrimitives.WriteUInt64LittleEndian(x[8..], e.Rip);
        BinaryPrimitives.WriteUInt64LittleEndian(x[16..], e.Rdp);
        BinaryPrimitives.WriteUInt32LittleEndian(x[24..], e.Mxcsr);
        BinaryPrimitives.WriteUInt32LittleEndian(x[28..], e.MxcsrMask);
        Put<uint>(e.StSpace, x.Slice(32, 128));
        Put<uint>(e.XmmSpace, x.Slice(160, 256));
        ulong features = 3;                             // x87 and SSE, which an image without xsave has
        if (e.Xsave is { } xsave)
        {
            features = xsave.XstateBv;
            PutComponent(xsave.YmmhSpace, x, Ymm, ref features, task);
            PutComponent(xsave.BndregState, x, BoundRegisters, ref features, task);
            PutComponent(xsave.BndcsrState, x, BoundStatus, ref features, task);
            PutComponent(xsave.OpmaskReg, x, OpMask, ref features, task);
            PutComponent(xsave.ZmmUpper, x, ZmmUpper, ref features, task);
            PutComponent(xsave.Hi16Zmm, x, Hi16Zmm, ref features, task);
            PutComponent(xsave.Pkru, x, Pkru, ref features, task);
        }
        BinaryPrimitives.WriteUInt64LittleEndian(x[HeaderOffset..], features);
        return area;
    }

    private static void Put<T>(IReadOnlyList<T> values, Span<byte> into) where T : unmanaged
    {
        var words = MemoryMarshal.Cast<byte, T>(into);
        for (int i = 0; i < Math.Min(values.Count, words.Length); i++)
            words[i] = values[i];
    }

    private static void PutComponent<T>(IReadOnlyList<T> values, Span<byte> x, int number, ref ulong features, RestoreTask task) where T : unmanaged
    {
        var (offset, size) = PlaceOf(number);
        if (size > 0 && offset + size <= x.Length)
        {
            if (values.Count > 0)
                Put(values, x.Slice(offset, size));
            else
                features &= ~(1UL << number);
            return;
        }
        if ((features >> number & 1) != 0)
            throw new CheckpointException($"{task} uses registers of a kind that this processor lacks (xsave component {number})", "Restore on a machine with the same processor features");
    }
}
