using System.Net;
using System.Text;
using System.Text.Json;

namespace Criu.Soccr;

/// <content>
/// The JSON form: one object, for people and for other programs. Its members are those of the record, numbers as numbers, a flag that is false, a number that is 0, and what
/// is empty or null left out. Addresses are text, such as <c>"10.0.0.1:80"</c> or <c>"[fe80::1%2]:80"</c>; queues and the values of options are base64.
/// </content>
public sealed partial record TcpConnectionState
{
    private const string VersionName = "Version";

    /// <summary>The JSON form, in UTF-16, on several lines.</summary>
    public string ToJson()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
            WriteTo(json);
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber(VersionName, Version);
        json.WriteString(nameof(State), State.ToString());
        foreach (var (tag, value) in Numbers())
            if (value != 0 && tag != Tag.State)
                WriteNumber(json, tag, value);
        if (Local != null)
            json.WriteString(nameof(Local), Local.ToString());
        if (Remote != null)
            json.WriteString(nameof(Remote), Remote.ToString());
        if (Interface != null)
            json.WriteString(nameof(Interface), Interface);
        if (ReceiveQueue.Length > 0)
            json.WriteBase64String(nameof(ReceiveQueue), ReceiveQueue.AsSpan());
        if (SendQueue.Length > 0)
            json.WriteBase64String(nameof(SendQueue), SendQueue.AsSpan());
        if (Options.Length > 0)
            WriteOptions(json);
        if (Md5Keys.Length > 0)
            WriteKeys(json);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, Tag tag, uint value)
    {
        if (IsFlag(tag))
            json.WriteBoolean(tag.ToString(), true);
        else
            json.WriteNumber(tag.ToString(), IsScale(tag) ? value - 1 : value);
    }

    private void WriteOptions(Utf8JsonWriter json)
    {
        json.WriteStartArray(nameof(Options));
        foreach (var option in Options)
        {
            json.WriteStartObject();
            json.WriteString(nameof(option.Name), option.Name);             // for people; not read
            json.WriteNumber(nameof(option.Level), option.Level);
            json.WriteNumber(nameof(option.Number), option.Number);
            json.WriteBase64String(nameof(option.Value), option.Value.AsSpan());
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteKeys(Utf8JsonWriter json)
    {
        json.WriteStartArray(nameof(Md5Keys));
        foreach (var key in Md5Keys)
        {
            json.WriteStartObject();
            json.WriteString(nameof(key.Address), key.Address.ToString());
            json.WriteNumber(nameof(key.PrefixLength), key.PrefixLength);
            json.WriteBase64String(nameof(key.Key), key.Key.AsSpan());
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static bool IsFlag(Tag tag) => tag is Tag.IsIPv6 or Tag.IsFinUnsent or Tag.HasSack or Tag.HasTimestamps or Tag.ReuseAddress or Tag.KeepAlive or Tag.Cork or Tag.IsNonBlocking;

    private static bool IsScale(Tag tag) => tag is Tag.SendWindowScale or Tag.ReceiveWindowScale;

    /// <summary>Reads the JSON form.</summary>
    /// <exception cref="FormatException">It is not one, has a member that is not known, or is of a later version.</exception>
    public static TcpConnectionState FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or KeyNotFoundException)
        {
            throw new FormatException($"the JSON of a saved TCP connection is damaged: {e.Message}", e);
        }
    }

    private static TcpConnectionState Read(JsonElement root)
    {
        var draft = new Draft();
        var seen = new HashSet<string>();
        bool hasVersion = false;
        foreach (var member in root.EnumerateObject())
        {
            if (!seen.Add(member.Name))
                throw new FormatException($"the JSON of a saved TCP connection has {member.Name} twice");
            if (member.Name == VersionName)
                hasVersion = member.Value.GetInt64() == Version
                    ? true
                    : throw new FormatException($"the saved TCP connection is of version {member.Value}; this library reads {Version}. Use a later one");
            else if (member.Name == nameof(Options))
                ReadOptions(member.Value, draft);
            else if (member.Name == nameof(Md5Keys))
                ReadKeys(member.Value, draft);
            else
                ReadMember(member, draft);
        }
        return hasVersion ? draft.ToState() : throw new FormatException("the JSON of a saved TCP connection has no Version");
    }

    /// <summary>By way of the binary form's records, which are judged in one place.</summary>
    private static void ReadMember(JsonProperty member, Draft draft)
    {
        if (char.IsAsciiDigit(member.Name.FirstOrDefault()) || !Enum.TryParse(member.Name, out Tag tag) || tag is Tag.Option or Tag.Md5Key)
            throw new FormatException($"the JSON of a saved TCP connection has a member {member.Name}, which this library does not know. Use a later one");
        draft.Take(tag, tag switch
        {
            Tag.Local or Tag.Remote => EndBytes(IPEndPoint.Parse(member.Value.GetString()!)),
            Tag.Interface => Encoding.UTF8.GetBytes(member.Value.GetString()!),
            Tag.ReceiveQueue or Tag.SendQueue => member.Value.GetBytesFromBase64(),
            Tag.State => ToBytes(StateOf(member.Value.GetString()!)),
            _ when IsFlag(tag) => ToBytes(Flag(member.Value.GetBoolean())),
            _ when IsScale(tag) => ToBytes(checked(member.Value.GetByte() + 1u)),
            _ => ToBytes(member.Value.GetUInt32()),
        }, at: 0);
    }

    private static uint StateOf(string name)
    {
        foreach (var state in Enum.GetValues<TcpState>())
            if (state.ToString() == name)
                return (uint)state;
        throw new FormatException($"the saved TCP connection is in state {name}, which does not exist");
    }

    private static void ReadKeys(JsonElement all, Draft draft)
    {
        foreach (var one in all.EnumerateArray())
            draft.Take(Tag.Md5Key, KeyOf(one).ToBytes(), at: 0);
    }

    private static TcpMd5Key KeyOf(JsonElement one) =>
        new(IPAddress.Parse(one.GetProperty("Address").GetString()!), one.GetProperty("PrefixLength").GetByte(), [.. one.GetProperty("Key").GetBytesFromBase64()]);

    private static void ReadOptions(JsonElement all, Draft draft)
    {
        foreach (var one in all.EnumerateArray())
            draft.Take(Tag.Option, [.. ToBytes((uint)one.GetProperty("Level").GetInt32()),
                .. ToBytes((uint)one.GetProperty("Number").GetInt32()), .. one.GetProperty("Value").GetBytesFromBase64()], at: 0);
    }
}
