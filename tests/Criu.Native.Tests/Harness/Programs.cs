using System.Collections.Concurrent;
using System.Reflection;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.Native.Tests.Harness;

/// <summary>Programs in C, compiled as anybody would compile them: with what pkg-config says, and the path of a library that is not installed.</summary>
internal static class Programs
{
    private static readonly ConcurrentDictionary<string, string> Built = new();

    public static string Folder { get; } = Path.Combine(Places.Repository, "tests/Criu.Native.Tests/Programs");

    public static string Libraries { get; } = Path.Combine(Places.Artifacts, "lib");

    public static string Criu => Environment.GetEnvironmentVariable("CRIU_BINARY") is { Length: > 0 } binary ? binary : Path.Combine(Places.Artifacts, "criu");

    /// <summary>A program of Programs/NAME.c.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="package">The library that it uses: criu or soccr.</param>
    /// <param name="options">For the compiler.</param>
    public static string Of(string name, string package = "criu", params string[] options) => Built.GetOrAdd($"{name}-{package}", key => Compile(name, package, key, options));

    private static string Compile(string name, string package, string key, string[] options)
    {
        string program = Path.Combine(Directory.CreateDirectory(Path.Combine(Places.Artifacts, "native-tests")).FullName, key);
        Command.Demand(["gcc", "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", .. options, Path.Combine(Folder, $"{name}.c"), "-o", program,
            .. Flags(package), $"-Wl,-rpath,{Libraries}"]);
        return program;
    }

    public static string[] Flags(string package) =>
        Command.Demand("env", $"PKG_CONFIG_PATH={Libraries}/pkgconfig", "pkg-config", "--cflags", "--libs", package).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
