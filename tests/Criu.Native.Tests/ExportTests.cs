using System.Text.RegularExpressions;
using Criu.Core.Options;
using Criu.EndToEnd.Tests.Harness;
using Criu.Native.Tests.Harness;

namespace Criu.Native.Tests;

public sealed partial class ExportTests
{
    [Theory]
    [InlineData("libcriu")]
    [InlineData("libsoccr")]
    public void ExactlyTheFunctionsThatProgramsExpectAreExported(string library) => Assert.Equal(Expected(library), Exported(library));

    [Theory]
    [InlineData("libcriu.so.2")]
    [InlineData("libsoccr.so.1")]
    public void ProgramsFindTheLibraryByTheNameThatTheyHaveAlways(string name) =>
        Assert.Contains($"[{name}]", Command.Demand("readelf", "-d", Path.Combine(Programs.Libraries, name)));

    [Theory]
    [InlineData("libcriu", "criu")]
    [InlineData("libsoccr", "soccr", "-DSOCCR")]
    public void EveryFunctionHasItsType(string library, string package, params string[] options) =>
        Assert.Equal(Expected(library).Count, int.Parse(Command.Demand(Programs.Of("signatures", package, options))));

    [Theory]
    [InlineData("criu/criu.h")]
    [InlineData("soccr/soccr.h")]
    public void AHeaderIsPlainC(string header) =>
        Command.Demand("gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-x", "c", Path.Combine(Programs.Libraries, "../include", header));

    [Fact]
    public void EveryOptionThatHasAFunctionHasItHere()
    {
        var exported = Exported("libcriu");
        Assert.Equal([], OptionCatalogue.All.Select(option => option.CSetter).OfType<string>().Except(exported));
    }

    private static SortedSet<string> Expected(string library) =>
        [.. File.ReadLines(Path.Combine(Programs.Folder, $"{library}.functions")).Select(line => Entry().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)];

    private static SortedSet<string> Exported(string library) =>
        [.. Command.Demand("nm", "-D", "--defined-only", Path.Combine(Programs.Libraries, $"{library}.so")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1])];

    [GeneratedRegex(@"^F\([^,]+, (\w+), ")]
    private static partial Regex Entry();

    /// <summary>
    /// Allocates on the managed heap: no method of libcriu's own code, as a collection that a fork finds under way never ends in the child. The calls of the runtime that would are looked for in the
    /// compiler's output; that the search finds them, libsoccr shows.
    /// </summary>
    [Theory]
    [InlineData("libcriu", "Criu", false)]
    [InlineData("libsoccr", "Soccr", true)]
    public void LibcriuAllocatesNothing(string library, string project, bool allocates)
    {
        string code = Path.Combine(Places.Repository, "Criu.Native", project, "obj/Release/net10.0/linux-x64/native", $"{library}.o");
        List<string> found = [], own = [];
        string method = "";
        foreach (string line in Command.Demand("objdump", "-dr", "--no-show-raw-insn", code).Split('\n'))
            if (line.EndsWith(">:", StringComparison.Ordinal))
                own.Add(method = line[(line.IndexOf('<') + 1)..^2]);
            else if (line.Contains("RhpNew", StringComparison.Ordinal) || line.Contains("RhNew", StringComparison.Ordinal) || line.Contains("RhBox", StringComparison.Ordinal))
                found.Add(method);
        Assert.Contains(own, name => IsOwn(name));
        Assert.Equal(allocates, found.Exists(IsOwn));

        bool IsOwn(string name) => name.StartsWith($"{library}_", StringComparison.Ordinal) || name.StartsWith("criu_", StringComparison.Ordinal);
    }
}
