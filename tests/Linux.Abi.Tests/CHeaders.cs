using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Linux.Abi.Tests;

/// <summary>
/// What the C headers of this machine say of expressions: a small program is compiled and run. Headers that are older than ours know fewer names: the compiler
/// tells which it does not know, and the rest is compiled again.
/// </summary>
internal static partial class CHeaders
{
    /// <param name="headers">What to include, in order, such as linux/fs.h. All are the kernel's own: the C library's would clash with them.</param>
    /// <param name="expressions">Integer expressions.</param>
    /// <returns>Their values; those that the headers do not know are left out.</returns>
    public static Dictionary<string, long> Values(string headers, IEnumerable<string> expressions)
    {
        List<string> known = [.. expressions.Distinct()];
        string folder = Directory.CreateTempSubdirectory("abi-").FullName, source = Path.Combine(folder, "ask.c"), program = Path.Combine(folder, "ask");
        try
        {
            while (true)
            {
                File.WriteAllText(source, Program(headers, known));
                var (code, _, errors) = Run("gcc", "-D_GNU_SOURCE", "-fmax-errors=0", "-o", program, source);
                if (code == 0)
                    break;
                int removed = known.RemoveAll([.. UnknownLines(errors).Select(line => known[line - 1])]);
                Assert.True(removed > 0, errors);
            }
            string[] lines = Run(program).Output.Split('\n');
            return known.Select((name, i) => (name, Value: long.Parse(lines[i], CultureInfo.InvariantCulture))).ToDictionary(p => p.name, p => p.Value);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int RemoveAll(this List<string> from, HashSet<string> these) => from.RemoveAll(these.Contains);

    /// <summary>Each expression is on a line of its own, numbered from 1.</summary>
    private static string Program(string headers, List<string> expressions) =>
        $"{string.Concat(headers.Split(' ').Select(h => $"#include <{h}>\n"))}int printf(const char *, ...);\nint main(void) {{\n#line 1 \"ASK\"\n"
        + string.Concat(expressions.Select(e => $"printf(\"%lld\\n\", (long long)({e}));\n")) + "return 0; }\n";

    private static IEnumerable<int> UnknownLines(string errors) =>
        UnknownName().Matches(errors).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));

    private static (int Code, string Output, string Errors) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["LC_ALL"] = "C" } };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    /// <summary>A constant, a structure or a member that these headers lack; any other error is ours.</summary>
    [GeneratedRegex("^ASK:([0-9]+):[0-9]+: error: .*(undeclared|undefined type|incomplete type|has no member)", RegexOptions.Multiline)]
    private static partial Regex UnknownName();
}
