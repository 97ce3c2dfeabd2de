using Criu.Images.Proto;
using Google.Protobuf.Reflection;

namespace Criu.Images.Json;

/// <summary>How crit shows a field: the options of its declaration, read once.</summary>
internal sealed class FieldShow
{
    private FieldShow(FieldDescriptor field)
    {
        FieldOptions? options = field.GetOptions();
        CriuOpts criu = options?.GetExtension(OptsExtensions.Criu) ?? new CriuOpts();
        Field = field;
        (IsHex, IsAddress, IsDevice, IsStatDevice) = (criu.Hex, criu.Ipadd, criu.Dev || criu.Odev, criu.Odev);
        IsText = options?.GetExtension(OptsExtensions.Text) ?? false;
        IsUnixName = criu.Conv == "unix_name";
        Flags = criu.HasFlags ? ValueNames.Flags(criu.Flags) : null;
        Names = criu.HasDict ? ValueNames.Dictionary(criu.Dict, field.Name) : null;
    }

    public FieldDescriptor Field { get; }

    /// <summary>Hexadecimal; of a message: all integers below it.</summary>
    public bool IsHex { get; }

    /// <summary>An IP address, as it lies in memory.</summary>
    public bool IsAddress { get; }

    public bool IsDevice { get; }

    /// <summary>A device number in the form of stat(2); else major&lt;&lt;20|minor.</summary>
    public bool IsStatDevice { get; }

    /// <summary>Bytes that are text.</summary>
    public bool IsText { get; }

    /// <summary>Bytes that are the name of a UNIX socket.</summary>
    public bool IsUnixName { get; }

    public NamedValue[]? Flags { get; }

    public NamedValue[]? Names { get; }

    /// <summary>Fields of messages, in ascending number; what was asked for is kept.</summary>
    public sealed class Cache
    {
        private readonly Dictionary<MessageDescriptor, FieldShow[]> fields = [];

        public FieldShow[] Of(MessageDescriptor message)
        {
            if (!fields.TryGetValue(message, out FieldShow[]? result))
                fields.Add(message, result = [.. message.Fields.InFieldNumberOrder().Select(static f => new FieldShow(f))]);
            return result;
        }

        public FieldShow? Find(MessageDescriptor message, string name) => Array.Find(Of(message), f => f.Field.Name == name);
    }
}
