namespace Criu.Images.Tests;

internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("images-").FullName;

    /// <summary>Names in it, hidden ones too, in order.</summary>
    public string[] Names => [.. new DirectoryInfo(Path).EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0 }).Select(f => f.Name).Order(StringComparer.Ordinal)];

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
