using CsCheck;
using Criu.Images.Proto;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using System.Collections;

namespace Criu.Images.Tests;

/// <summary>What the build generates is compared with the descriptors, which nothing but crit may touch.</summary>
public sealed class RequiredFieldTests
{
    [Fact]
    public void Every_message_of_every_proto_is_checked()
    {
        int declared = RandomMessages.All.Select(m => m.File).Distinct().Sum(f => f.MessageTypes.Count);
        Assert.Equal(declared, RandomMessages.All.Count());
        Assert.True(declared > 150, $"only {declared} messages");
    }

    [Fact]
    public void The_generated_check_finds_what_the_descriptors_say() =>
        Gen.ULong.Sample(
            seed =>
            {
                var random = new RandomMessages(seed);
                foreach (MessageDescriptor type in RandomMessages.All)
                    Compare(random.WithHoles(type));
            },
            iter: 60);

    [Fact]
    public void Empty_messages_lack_their_first_required_field()
    {
        foreach (MessageDescriptor type in RandomMessages.All)
            Assert.Equal(type.Fields.InDeclarationOrder().FirstOrDefault(f => f.IsRequired)?.Name, ((IImageEntry)type.Parser.ParseFrom(ByteString.Empty)).FirstUnsetField());
    }

    [Fact]
    public void The_path_leads_into_lists()
    {
        var mm = (MmEntry)new RandomMessages(1).Of(MmEntry.Descriptor);
        mm.Vmas.Add((VmaEntry)new RandomMessages(2).Of(VmaEntry.Descriptor));
        mm.Vmas[^1].ClearShmid();
        Assert.Equal($"vmas[{mm.Vmas.Count - 1}].shmid", ((IImageEntry)mm).FirstUnsetField());
    }

    private static void Compare(IMessage message) => Assert.Equal(Expected(message), ((IImageEntry)message).FirstUnsetField());

    private static string? Expected(IMessage message)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.IsRequired && !field.Accessor.HasValue(message))
                return field.Name;
            if (field.FieldType != FieldType.Message)
                continue;
            object value = field.Accessor.GetValue(message);
            if (value is IMessage one && Expected(one) is string below)
                return $"{field.Name}.{below}";
            for (int i = 0; value is IList list && i < list.Count; i++)
                if (Expected((IMessage)list[i]!) is string inner)
                    return $"{field.Name}[{i}].{inner}";
        }
        return null;
    }
}
