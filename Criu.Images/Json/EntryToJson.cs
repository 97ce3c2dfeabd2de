using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Criu.Images.Json;

/// <summary>Writes messages as crit does: set fields by name, in ascending number.</summary>
internal sealed class EntryToJson(PythonJsonWriter json, bool pretty)
{
    private readonly FieldShow.Cache fields = new();

    /// <summary>An entry whose object stays open, for its payload.</summary>
    public void WriteOpen(IMessage entry)
    {
        json.BeginObject();
        WriteFields(entry, isHex: false);
    }

    /// <summary>A whole message.</summary>
    public void Write(IMessage message, bool isHex = false)
    {
        json.BeginObject();
        WriteFields(message, isHex);
        json.EndObject();
    }

    private void WriteFields(IMessage message, bool isHex)
    {
        foreach (FieldShow show in fields.Of(message.Descriptor))
            if (show.Field.IsRepeated)
                WriteList(show, (IList)show.Field.Accessor.GetValue(message), isHex || show.IsHex);
            else if (show.Field.Accessor.HasValue(message))
            {
                json.Name(show.Field.Name);
                WriteValue(show, show.Field.Accessor.GetValue(message), isHex || show.IsHex);
            }
    }

    private void WriteList(FieldShow show, IList values, bool isHex)
    {
        if (values.Count == 0)
            return;
        json.Name(show.Field.Name);
        json.BeginArray();
        if (pretty && show.IsAddress && AddressText.Of((IReadOnlyList<uint>)values) is string address)
            json.String(address);
        else
            foreach (object value in values)
                WriteValue(show, value, isHex);
        json.EndArray();
    }

    private void WriteValue(FieldShow show, object value, bool isHex)
    {
        switch (value)
        {
            case IMessage message:
                Write(message, isHex);
                break;
            case bool flag:
                json.Boolean(flag);
                break;
            case ByteString bytes:
                WriteBytes(show, bytes);
                break;
            case Enum number:
                WriteEnum(show.Field.EnumType, Convert.ToInt32(number, System.Globalization.CultureInfo.InvariantCulture));
                break;
            default:
                WriteInteger(show, IntegerOf(value), isHex);
                break;
        }
    }

    // A number without a name stays one: left out, as crit does, it would be lost.
    private void WriteEnum(EnumDescriptor type, int number)
    {
        if (type.FindValueByNumber(number) is EnumValueDescriptor value)
            json.String(value.Name);
        else
            json.Number(number);
    }

    private void WriteBytes(FieldShow show, ByteString bytes)
    {
        if (show.IsText)
            json.String(RawText.ToText(bytes.Span));
        else if (show.IsUnixName)
            json.String(QuotedPrintable.Encode(bytes.ToByteArray()));
        else
        {
            json.BeginString();
            for (int i = 0; i < bytes.Length; i += PayloadToJson.LineBytes)
                json.Base64Line(bytes.Span.Slice(i, Math.Min(PayloadToJson.LineBytes, bytes.Length - i)));
            json.EndString();
        }
    }

    private void WriteInteger(FieldShow show, Int128 value, bool isHex)
    {
        if (!pretty)
            json.Number(value);
        else if (isHex)
            json.String(IntegerText.Hex(value));
        else if (show.IsDevice)
            json.String(IntegerText.Device((ulong)value, show.IsStatDevice));
        else if (show.Flags is not null)
            json.String(IntegerText.Flags((ulong)value, show.Flags));
        else if (show.Names is not null && Array.Find(show.Names, n => n.Value == (ulong)value) is { Name: string name })
            json.String(name);
        else
            json.Number(value);
    }

    private static Int128 IntegerOf(object value) => value switch
    {
        uint number => number,
        ulong number => number,
        int number => number,
        long number => number,
        _ => throw new NotSupportedException($"no image has a field of {value.GetType().Name}"),
    };
}
