using System.Collections;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Criu.Images.Json;

/// <summary>Makes messages of JSON. Every form of an integer is taken, whatever the options of the field.</summary>
internal sealed class EntryFromJson
{
    private const string Extra = "extra";

    private readonly FieldShow.Cache fields = new();

    /// <summary>Fills an entry; returns its member <c>extra</c>, if it has one.</summary>
    public JsonElement? Read(IMessage entry, JsonElement json, JsonPlace place)
    {
        JsonElement? extra = null;
        foreach (JsonProperty member in place.Members(json))
            if (member.NameEquals(Extra))
                extra = member.Value;
            else
                ReadMember(entry, member, place);
        return ((IImageEntry)entry).FirstUnsetField() is string field ? throw place.Refuse($"required field {field} is missing") : extra;
    }

    private void ReadMember(IMessage message, JsonProperty member, JsonPlace place)
    {
        FieldShow show = FindField(message, member, place);
        JsonPlace at = place.At(show.Field.Name);
        if (show.Field.IsRepeated)
            ReadList(show, (IList)show.Field.Accessor.GetValue(message), member.Value, at);
        else
            show.Field.Accessor.SetValue(message, ReadValue(show, member.Value, at));
    }

    private FieldShow FindField(IMessage message, JsonProperty member, JsonPlace place)
    {
        foreach (FieldShow show in fields.Of(message.Descriptor))
            if (member.NameEquals(show.Field.Name))
                return show;
        throw place.Refuse($"{message.Descriptor.Name} has no field {Encoding.UTF8.GetString(System.Runtime.InteropServices.JsonMarshal.GetRawUtf8PropertyName(member))}");
    }

    private void ReadList(FieldShow show, IList list, JsonElement json, JsonPlace place)
    {
        list.Clear();                                          // of a member that comes twice the later counts
        int index = 0;
        foreach (JsonElement item in place.Items(json))
        {
            JsonPlace at = place.Item(index++);
            if (show.IsAddress && item.ValueKind == JsonValueKind.String && AddressText.TryParse(at.Text(item), out uint[] words))
                Array.ForEach(words, word => list.Add(word));
            else
                list.Add(ReadValue(show, item, at));
        }
    }

    private object ReadValue(FieldShow show, JsonElement json, JsonPlace place) => show.Field.FieldType switch
    {
        FieldType.Message => ReadMessage(show.Field.MessageType, json, place),
        FieldType.Bool => ReadBoolean(json, place),
        FieldType.Bytes => ByteString.CopyFrom(ReadBytes(show, json, place)),
        FieldType.Enum => ReadEnum(show, json, place),
        FieldType.UInt32 => (uint)Bounded(ReadInteger(show, json, place), uint.MinValue, uint.MaxValue, place),
        FieldType.UInt64 or FieldType.Fixed64 => (ulong)Bounded(ReadInteger(show, json, place), ulong.MinValue, ulong.MaxValue, place),
        FieldType.Int32 or FieldType.SInt32 => (int)Bounded(ReadInteger(show, json, place), int.MinValue, int.MaxValue, place),
        FieldType.Int64 or FieldType.SInt64 => (long)Bounded(ReadInteger(show, json, place), long.MinValue, long.MaxValue, place),
        _ => throw new NotSupportedException($"no image has a field of {show.Field.FieldType}"),
    };

    private IMessage ReadMessage(MessageDescriptor type, JsonElement json, JsonPlace place)
    {
        IMessage message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (JsonProperty member in place.Members(json))
            ReadMember(message, member, place);
        return message;
    }

    private static object ReadBoolean(JsonElement json, JsonPlace place) => json.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw place.Refuse("is neither true nor false"),
    };

    private static byte[] ReadBytes(FieldShow show, JsonElement json, JsonPlace place)
    {
        if (!show.IsText && !show.IsUnixName)
            return place.Base64(json);
        if (!RawText.TryToBytes(place.Text(json), out byte[] bytes))
            throw place.Refuse("holds half of a surrogate pair");
        return show.IsUnixName ? QuotedPrintable.Decode(bytes) : bytes;
    }

    private static object ReadEnum(FieldShow show, JsonElement json, JsonPlace place)
    {
        EnumDescriptor type = show.Field.EnumType;
        if (json.ValueKind == JsonValueKind.String && type.FindValueByName(place.Text(json)) is EnumValueDescriptor value)
            return Enum.ToObject(type.ClrType, value.Number);
        return Enum.ToObject(type.ClrType, (int)Bounded(ReadInteger(show, json, place), int.MinValue, int.MaxValue, place));
    }

    private static Int128 ReadInteger(FieldShow show, JsonElement json, JsonPlace place)
    {
        string text = json.ValueKind == JsonValueKind.Number ? json.GetRawText() : place.Text(json);
        return IntegerText.TryParse(text, show, out Int128 value) ? value : throw place.Refuse($"'{text}' is no value of {show.Field.Name}");
    }

    private static Int128 Bounded(Int128 value, Int128 least, Int128 most, JsonPlace place) =>
        value >= least && value <= most ? value : throw place.Refuse($"{value} is not between {least} and {most}");
}
