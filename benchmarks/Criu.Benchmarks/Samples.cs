using Criu.Images.Proto;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Criu.Benchmarks;

/// <summary>Entries as large as those of a real process.</summary>
internal static class Samples
{
    /// <summary>With the vector registers of AVX.</summary>
    public static CoreEntry Core()
    {
        var core = new CoreEntry
        {
            Mtype = CoreEntry.Types.March.X8664, ThreadInfo = Filled(new ThreadInfoX86()), Tc = Filled(new TaskCoreEntry()), ThreadCore = Filled(new ThreadCoreEntry()),
            Ids = Filled(new TaskKobjIdsEntry()),
        };
        var registers = core.ThreadInfo.Fpregs;
        registers.Xsave = Filled(new UserX86XsaveEntry());
        Fill(registers.StSpace, 32);
        Fill(registers.XmmSpace, 64);
        Fill(registers.Xsave.YmmhSpace, 64);
        return core;
    }

    public static MmEntry Mm(int vmas)
    {
        var mm = Filled(new MmEntry());
        for (int i = 0; i < vmas; i++)
        {
            var vma = Filled(new VmaEntry());
            (vma.Start, vma.End) = (0x7f0000000000 + (ulong)i * 8192, 0x7f0000001000 + (ulong)i * 8192);
            mm.Vmas.Add(vma);
        }
        return mm;
    }

    private static void Fill(ICollection<uint> values, int count)
    {
        for (uint i = 0; i < count; i++)
            values.Add(i * 0x9e3779b9);
    }

    /// <summary>Every required field, at every depth.</summary>
    private static T Filled<T>(T message) where T : IMessage
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
            if (field.IsRequired)
                field.Accessor.SetValue(message, Value(field));
        return message;
    }

    private static object Value(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => Filled(field.MessageType.Parser.ParseFrom(ByteString.Empty)),
        FieldType.Bytes => ByteString.CopyFromUtf8("counter"),
        FieldType.String => "counter",
        FieldType.Bool => true,
        FieldType.UInt64 or FieldType.Fixed64 => 0x7f0012345678UL,
        FieldType.SInt64 or FieldType.Int64 => -1L,
        FieldType.Int32 or FieldType.SInt32 or FieldType.Enum => 1,
        _ => 0x1000u,
    };
}
