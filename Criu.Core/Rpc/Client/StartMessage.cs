using System.Text.Json;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// What a restored copy is told by whoever restores it: a memory image has the arguments and the environment of the day it was taken. It is a file beside the images, written before the
/// restore and read by the copy when it goes on; nothing of it is open meanwhile, so that any criu can dump and restore.
/// </summary>
public sealed record StartMessage
{
    /// <summary>Name of the file in the directory of the images.</summary>
    public const string FileName = "start.json";

    /// <summary>New arguments; null where none were given.</summary>
    public IReadOnlyList<string>? Arguments { get; init; }

    /// <summary>Variables that differ from those of the image; null takes one away.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Writes it for the next restore. It appears in one step.</summary>
    /// <param name="path">The file, or the directory of the images.</param>
    public void Save(string path)
    {
        path = FileOf(path);
        string aside = $"{path}.{System.Environment.ProcessId}";
        using (var file = new FileStream(Create(aside), FileAccess.Write))
        using (var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true }))
            Write(json);
        File.Move(aside, path, overwrite: true);
    }

    /// <summary>Reads it; an empty one where there is none.</summary>
    /// <param name="path">The file, or the directory of the images.</param>
    /// <exception cref="CheckpointException">It is there and cannot be read.</exception>
    public static StartMessage Load(string path)
    {
        path = FileOf(path);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(json.RootElement);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return new StartMessage();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"The start message {path} cannot be read: {exception.Message}", "Write it with StartMessage.Save", exception);
        }
    }

    /// <summary>For its owner only: an environment may hold secrets.</summary>
    private static SafeFileHandle Create(string path)
    {
        const int OwnerOnly = 0x180;                     // 0600
        long fd = Kernel.Open(path, Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_TRUNC, OwnerOnly);
        return Kernel.Failed(fd) ? throw new CheckpointException($"The start message {path} cannot be written: {Errno.Name(fd)}", "Name a directory that is there") : Kernel.Own(fd);
    }

    private static string FileOf(string path) => Directory.Exists(path) ? Path.Combine(path, FileName) : path;

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (Arguments != null)
        {
            json.WriteStartArray("arguments");
            foreach (string argument in Arguments)
                json.WriteStringValue(argument);
            json.WriteEndArray();
        }
        json.WriteStartObject("environment");
        foreach (var (name, value) in Environment)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static StartMessage Read(JsonElement root) => new()
    {
        Arguments = root.TryGetProperty("arguments", out var arguments) ? [.. arguments.EnumerateArray().Select(argument => argument.GetString() ?? "")] : null,
        Environment = root.TryGetProperty("environment", out var variables)
            ? variables.EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value.GetString())
            : new Dictionary<string, string?>(),
    };
}
