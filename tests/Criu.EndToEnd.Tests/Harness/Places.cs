using System.Reflection;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>Where things are, and the folder of a test.</summary>
internal static class Places
{
    public static readonly string Repository = typeof(Places).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!;

    public static string Artifacts => Path.Combine(Repository, "artifacts");

    private static readonly string[] ProgramFolders = [Path.Combine(Artifacts, "workloads"), Path.Combine(Repository, "tests/workloads")];

    /// <summary>A program or script of tests/workloads, built.</summary>
    public static string Program(string name) =>
        ProgramFolders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException($"The workload {name} is not built: run make -C tests/workloads");

    /// <summary>A folder that any user may enter and write to, as targets run under several users.</summary>
    public static string NewFolder(string name)
    {
        string folder = Directory.CreateTempSubdirectory($"criu-{name}-").FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ff);
        return folder;
    }

    /// <summary>The repository may lie where another user cannot reach it, so programs run from the folder of the test.</summary>
    public static string CopyOf(string file, string folder)
    {
        string copy = Path.Combine(folder, Path.GetFileName(file));
        if (!File.Exists(copy))
        {
            File.Copy(file, copy);
            File.SetUnixFileMode(copy, (UnixFileMode)0x1ed);
        }
        return copy;
    }
}
