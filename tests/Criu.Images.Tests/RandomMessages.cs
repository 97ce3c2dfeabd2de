using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Criu.Images.Tests;

/// <summary>Messages of every class, made from the descriptors; the same seed makes the same message.</summary>
internal sealed class RandomMessages(ulong seed, double presence = 0.5)
{
    private readonly Random random = new(seed.GetHashCode());

    public static IEnumerable<MessageDescriptor> All =>
        from type in typeof(ImageCatalog).Assembly.GetTypes()
        where type.IsClass && typeof(IImageEntry).IsAssignableFrom(type)
        orderby type.Name
        select ((IMessage)Activator.CreateInstance(type)!).Descriptor;

    /// <summary>A message with all required fields, and some of the others.</summary>
    public IMessage Of(MessageDescriptor type, int depth = 0)
    {
        IMessage message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (FieldDescriptor field in type.Fields.InFieldNumberOrder())
            if (field.IsRepeated)
                for (int i = random.Next(depth > 3 ? 1 : 4); i > 0; i--)
                    ((IList)field.Accessor.GetValue(message)).Add(Value(field, depth));
            else if (field.IsRequired || (depth < 4 && random.NextDouble() < presence))
                field.Accessor.SetValue(message, Value(field, depth));
        return message;
    }

    /// <summary>The same with some fields taken out at random, required ones too, at all depths.</summary>
    public IMessage WithHoles(MessageDescriptor type)
    {
        IMessage message = Of(type);
        PunchHoles(message);
        return message;
    }

    public byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private void PunchHoles(IMessage message)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            object value = field.Accessor.GetValue(message);
            if (!field.IsRepeated && random.Next(30) == 0)
                field.Accessor.Clear(message);
            else if (value is IMessage inner)
                PunchHoles(inner);
            else if (value is IList list && field.FieldType == FieldType.Message)
                foreach (IMessage item in list)
                    PunchHoles(item);
        }
    }

    private object Value(FieldDescriptor field, int depth) => field.FieldType switch
    {
        FieldType.Message => Of(field.MessageType, depth + 1),
        FieldType.Bool => random.Next(2) == 0,
        FieldType.Bytes => ByteString.CopyFrom(Bytes(random.Next(3) == 0 ? random.Next(200) : random.Next(8))),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, field.EnumType.Values[random.Next(field.EnumType.Values.Count)].Number),
        FieldType.UInt32 => (uint)Number(),
        FieldType.UInt64 or FieldType.Fixed64 => Number(),
        FieldType.Int32 or FieldType.SInt32 => (int)Number(),
        FieldType.Int64 or FieldType.SInt64 => (long)Number(),
        _ => throw new NotSupportedException(field.FullName),
    };

    // Small ones, single bits, and any.
    private ulong Number() => random.Next(3) switch
    {
        0 => (ulong)random.Next(32),
        1 => 1ul << random.Next(64),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
    };
}
