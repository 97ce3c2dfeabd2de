namespace Criu.Cli.CommandLine;

/// <summary>Headings and rows of two columns, the second one wrapped.</summary>
internal sealed class TextTable(TextWriter output)
{
    private const int Indent = 2, Column = 34, Width = 110;          // characters

    public void Line(string text) => output.WriteLine(text);

    public void Heading(string text)
    {
        output.WriteLine();
        output.WriteLine($"{text}:");
    }

    public void Row(string left, string right)
    {
        string start = new string(' ', Indent) + left;
        bool fits = start.Length < Column || right.Length == 0;
        if (!fits)
            output.WriteLine(start);
        start = right.Length == 0 ? start : (fits ? start : "").PadRight(Column);
        foreach (string line in Wrap(right, Width - Column))
        {
            output.WriteLine(start + line);
            start = new string(' ', Column);
        }
    }

    /// <summary>Words below a row; a no-break space in them becomes a space that ends no line.</summary>
    public void Paragraph(string text)
    {
        foreach (string line in Wrap(text, Width - 3 * Indent))
            output.WriteLine(new string(' ', 3 * Indent) + line.Replace('\u00a0', ' '));
    }

    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string> { "" };
        foreach (string word in text.Split(' '))
        {
            if (lines[^1].Length > 0 && lines[^1].Length + 1 + word.Length > width)
                lines.Add("");
            lines[^1] += lines[^1].Length == 0 ? word : " " + word;
        }
        return lines;
    }
}
