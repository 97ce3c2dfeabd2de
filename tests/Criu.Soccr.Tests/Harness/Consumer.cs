using System.Diagnostics;
using System.Reflection;

namespace Criu.Soccr.Tests.Harness;

/// <summary>
/// A project as a user of the package has it: the examples, with nothing but the packed Criu.Soccr. The only source of packages is the folder that it was packed into; what a
/// native build takes beside it (the compiler, not a reference) comes from the packages that building criu has left on this machine, so that no network is needed.
/// </summary>
public sealed class Consumer : IDisposable
{
    private const string Version = "0.1.0-test";

    public Consumer()
    {
        Folder = Directory.CreateTempSubdirectory("soccr-").FullName;
        Dotnet(Folder, "pack", Path.Combine(Root, "Criu.Soccr"), "-c", "Release", "-o", Path.Combine(Folder, "packages"), $"-p:Version={Version}");
        Directory.CreateDirectory(Project);
        foreach (string file in Directory.GetFiles(Path.Combine(Root, "examples/Criu.Soccr.Examples"), "*.cs"))
            File.Copy(file, Path.Combine(Project, Path.GetFileName(file)));
        string cache = Dotnet(Folder, "nuget", "locals", "global-packages", "--list").Split(": ", 2)[1].Trim();
        File.WriteAllText(Path.Combine(Project, "nuget.config"), $"""
            <configuration>
              <packageSources><clear /><add key="packed" value="../packages" /></packageSources>
              <fallbackPackageFolders><add key="here" value="{cache}" /></fallbackPackageFolders>
            </configuration>
            """);
        File.WriteAllText(Path.Combine(Project, "Consumer.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <InvariantGlobalization>true</InvariantGlobalization>
                <RestorePackagesPath>$(MSBuildThisFileDirectory)../cache</RestorePackagesPath>
                <CppCompilerAndLinker>gcc</CppCompilerAndLinker>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Criu.Soccr" Version="{Version}" />
              </ItemGroup>
            </Project>
            """);
        Dotnet(Project, "build", "-o", Path.Combine(Folder, "managed"));
        Dotnet(Project, "publish", "-r", "linux-x64", "-p:PublishAot=true", "-o", Path.Combine(Folder, "native"));
    }

    public static string Root => typeof(Consumer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!;

    public string Folder { get; }

    private string Project => Path.Combine(Folder, "consumer");

    public string Package => Path.Combine(Folder, $"packages/Criu.Soccr.{Version}.nupkg");

    /// <summary>What runs the examples.</summary>
    public string[] Command(bool isNative) => isNative ? [Path.Combine(Folder, "native/Consumer")] : ["dotnet", "exec", Path.Combine(Folder, "managed/Consumer.dll")];

    /// <summary>Without what the build that runs the tests tells its children, and without leaving a server behind.</summary>
    private static string Dotnet(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [.. arguments, .. arguments[0] == "nuget" ? (string[])[] : ["-v", "q", "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false"]])
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase) || k.StartsWith("VSTEST", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {output}{errors.Result}");
        return output;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
