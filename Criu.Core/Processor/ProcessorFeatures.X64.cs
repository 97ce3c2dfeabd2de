using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;

namespace Criu.Core.Processor;

/// <summary>
/// What this processor can do, as CPUID tells it (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E), in the words of the image: words of Linux's x86_capability (asm/cpufeatures.h),
/// whose order CRIU changes a little.
/// </summary>
internal static class ProcessorFeatures
{
    private const int CapabilityVersion = 2, Words = 19, LinuxWord = 3;
    private const uint Sse = 1 << 1;

    private enum Register
    {
        Eax,
        Ebx,
        Ecx,
        Edx,
    }

    // Word of the image, leaf, subleaf, register. The others are Linux's own or of processors that are not made any more.
    private static readonly (int Word, uint Leaf, int Subleaf, Register Register)[] Sources =
    [
        (0, 1, 0, Register.Edx), (1, 0x80000001, 0, Register.Edx), (4, 1, 0, Register.Ecx), (6, 0x80000001, 0, Register.Ecx), (9, 7, 0, Register.Ebx), (10, 0xD, 1, Register.Eax),
        (11, 7, 0, Register.Ecx), (12, 0xF, 1, Register.Edx), (13, 0x80000008, 0, Register.Ebx), (14, 6, 0, Register.Eax), (15, 0x8000000A, 0, Register.Edx), (18, 7, 0, Register.Edx),
    ];

    public static CpuinfoX86Entry Read()
    {
        uint signature = Cpuid(1, 0, Register.Eax), baseFamily = signature >> 8 & 0xf, baseModel = signature >> 4 & 0xf;
        var entry = new CpuinfoX86Entry
        {
            VendorId = Vendor(), CpuFamily = baseFamily == 0xf ? baseFamily + (signature >> 20 & 0xff) : baseFamily,
            Model = baseFamily is 6 or 0xf ? baseModel + (signature >> 12 & 0xf0) : baseModel, Stepping = signature & 0xf, CapabilityVer = CapabilityVersion, ModelId = ByteString.CopyFrom(ModelName()),
            XfeaturesMask = (Cpuid(0xD, 0, Register.Eax) | (ulong)Cpuid(0xD, 0, Register.Edx) << 32) & ~(ulong)Sse, XsaveSize = Cpuid(0xD, 0, Register.Ebx), XsaveSizeMax = Cpuid(0xD, 0, Register.Ecx),
        };
        uint[] words = new uint[Words];
        foreach (var (word, leaf, subleaf, register) in Sources)
            words[word] = Cpuid(leaf, subleaf, register);
        // REP_GOOD, NOPL and CPUID, which every 64-bit processor has.
        words[LinuxWord] = 1 << 16 | 1 << 20 | 1 << 25;
        entry.Capability.AddRange(words);
        return entry;
    }

    /// <summary>What this processor lacks of the one in an image; empty where all that is asked for fits.</summary>
    public static IReadOnlyList<string> Lacks(CpuinfoX86Entry there, CpuinfoX86Entry here, ProcessorParts parts)
    {
        var lacks = new List<string>();
        if ((parts & ProcessorParts.Fpu) != 0 && (there.XfeaturesMask & ~here.XfeaturesMask) is not 0 and var registers)
            lacks.Add($"registers (xfeatures {registers:x})");
        bool exactly = (parts & ProcessorParts.Processor) != 0;
        if (exactly && (there.VendorId, there.CpuFamily, there.Model) != (here.VendorId, here.CpuFamily, here.Model))
            lacks.Add($"the model ({there.VendorId} family {there.CpuFamily} model {there.Model}; this is {here.VendorId} family {here.CpuFamily} model {here.Model})");
        if ((parts & (ProcessorParts.Processor | ProcessorParts.Instructions)) == 0)
            return lacks;
        foreach (var (word, leaf, subleaf, register) in Sources)
        {
            uint before = word < there.Capability.Count ? there.Capability[word] : 0, now = here.Capability[word], missing = before & ~now, added = now & ~before;
            if (missing != 0 || exactly && added != 0)
                lacks.Add($"features of CPUID {leaf:x}.{subleaf} {register} ({missing:x} missing{(exactly ? $", {added:x} more" : "")})");
        }
        return lacks;
    }

    private static CpuinfoX86Entry.Types.Vendor Vendor()
    {
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        Span<byte> name = stackalloc byte[12];
        BinaryPrimitives.WriteInt32LittleEndian(name, ebx);
        BinaryPrimitives.WriteInt32LittleEndian(name[4..], edx);
        BinaryPrimitives.WriteInt32LittleEndian(name[8..], ecx);
        return name.SequenceEqual("GenuineIntel"u8) ? CpuinfoX86Entry.Types.Vendor.Intel
            : name.SequenceEqual("AuthenticAMD"u8) ? CpuinfoX86Entry.Types.Vendor.Amd : CpuinfoX86Entry.Types.Vendor.Unknown;
    }

    /// <summary>The brand string of leaves 0x80000002 to 4, without the blanks around it.</summary>
    private static byte[] ModelName()
    {
        byte[] name = new byte[48];
        for (int i = 0; i < 12; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(name.AsSpan(4 * i), Cpuid(0x80000002 + (uint)i / 4, 0, (Register)(i % 4)));
        int end = name.AsSpan().IndexOf((byte)0);
        return name.AsSpan(0, end < 0 ? name.Length : end).Trim((byte)' ').ToArray();
    }

    private static uint Cpuid(uint leaf, int subleaf, Register register)
    {
        if (leaf > (uint)X86Base.CpuId((int)(leaf & 0x80000000), 0).Eax)
            return 0;
        var (eax, ebx, ecx, edx) = X86Base.CpuId((int)leaf, subleaf);
        return (uint)(register switch { Register.Eax => eax, Register.Ebx => ebx, Register.Ecx => ecx, _ => edx });
    }
}
