using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace Criu.Images.Generator;

/// <summary>
/// The little of a .proto file that matters here. The files are our own and uniform (a declaration, a field or a brace per line), so lines are all the
/// grammar there is. The names that protoc makes of them are repeated here; a wrong one does not compile.
/// </summary>
internal sealed class ProtoFile
{
    private static readonly Regex FieldLine = new(@"^\s*(required|optional|repeated) (\w+) (\w+) = (\d+)");
    private static readonly Regex MessageLine = new(@"^message (\w+) \{");

    public List<ProtoMessage> Messages { get; } = new();

    public static ProtoFile Parse(string text)
    {
        var file = new ProtoFile();
        foreach (string line in text.Split('\n'))
            file.Take(line);
        return file;
    }

    private void Take(string line)
    {
        if (MessageLine.Match(line) is { Success: true } message)
            Messages.Add(new ProtoMessage(message.Groups[1].Value));
        else if (FieldLine.Match(line) is { Success: true } field)
            Messages[Messages.Count - 1].Fields.Add(new ProtoField(field.Groups[1].Value, field.Groups[2].Value, field.Groups[3].Value, field.Groups[4].Value));
    }
}

internal sealed class ProtoMessage(string name)
{
    public string Name { get; } = name;

    public List<ProtoField> Fields { get; } = new();
}

internal sealed class ProtoField(string label, string type, string name, string number)
{
    public string Type { get; } = type;

    public string Name { get; } = name;

    public string Number { get; } = number;

    public bool IsRequired { get; } = label == "required";

    public bool IsRepeated { get; } = label == "repeated";

    /// <summary>The property that protoc makes: a capital at the start and after each underscore and digit.</summary>
    public string Property
    {
        get
        {
            var result = new System.Text.StringBuilder();
            bool capital = true;
            foreach (char c in Name)
            {
                if (c != '_')
                    result.Append(capital ? char.ToUpperInvariant(c) : c);
                capital = c == '_' || char.IsDigit(c);
            }
            return result.ToString();
        }
    }
}
