using System.Text.RegularExpressions;
using Criu.Core.Options;
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
}
