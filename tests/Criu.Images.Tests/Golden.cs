namespace Criu.Images.Tests;

/// <summary>Images that CRIU 4.2 wrote, and what crit made of them.</summary>
internal static class Golden
{
    public static string Directory { get; } = Path.Combine(AppContext.BaseDirectory, "golden");

    /// <summary>Those with JSON, as <c>everything/mm-9881.img</c>.</summary>
    public static TheoryData<string> WithJson()
    {
        var data = new TheoryData<string>();
        foreach (string json in System.IO.Directory.EnumerateFiles(Directory, "*.json", SearchOption.AllDirectories).Order())
            data.Add(Path.GetRelativePath(Directory, json).Replace("json/", "")[..^".json".Length]);
        return data;
    }

    public static byte[] Image(string name) => File.ReadAllBytes(Path.Combine(Directory, name));

    public static string Json(string name) =>
        File.ReadAllText(Path.Combine(Directory, Path.GetDirectoryName(name)!, "json", Path.GetFileName(name) + ".json"));

    /// <summary>A copy of one directory, in which a test can change things.</summary>
    public static TemporaryDirectory Copy(string name)
    {
        var copy = new TemporaryDirectory();
        foreach (string file in System.IO.Directory.EnumerateFiles(Path.Combine(Directory, name)))
            File.Copy(file, Path.Combine(copy.Path, Path.GetFileName(file)));
        return copy;
    }
}
