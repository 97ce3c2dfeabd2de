using Criu.Cli.Commands;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Cli.Crit;

/// <summary>
/// Where crit writes to. A regular file is written aside and takes its name when it is whole, so that a damaged image leaves neither half an output nor
/// nothing in the place of an older one, and an image can be decoded and encoded onto itself.
/// </summary>
internal sealed class CritFile : IDisposable
{
    private const int BufferBytes = 64 << 10;

    private readonly string? path, aside;

    private CritFile(Stream stream, string? path, string? aside) => (Stream, this.path, this.aside) = (stream, path, aside);

    public Stream Stream { get; }

    public static string Name(string? path) => path ?? "standard input";

    public static Stream OpenInput(string? path) => path == null
        ? Console.OpenStandardInput()
        : Wrap(WorkPlace.Open(path, "image or text", Fcntl.O_RDONLY | Fcntl.O_NOCTTY), FileAccess.Read);

    public static CritFile CreateOutput(string? path)
    {
        // A FileStream would write at an offset of its own, over what others write to the same file before and after.
        if (path == null)
            return new CritFile(Console.OpenStandardOutput(), null, null);
        bool special = WorkPlace.IsSpecial(path);
        string target = special ? path : $"{path}.partial";
        var handle = WorkPlace.Open(target, "output", Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_TRUNC, 0x1b6);   // rw-rw-rw-, less the umask
        return new CritFile(Wrap(handle, FileAccess.Write), path, special ? null : target);
    }

    /// <summary>Gives the output its name.</summary>
    public void Finish()
    {
        Stream.Dispose();
        if (aside != null)
            File.Move(aside, path!, overwrite: true);
    }

    /// <summary>The same for text: as in crit, it ends with a newline on standard output only.</summary>
    public void FinishText()
    {
        if (path == null)
            Stream.WriteByte((byte)'\n');
        Finish();
    }

    public void Dispose()
    {
        Stream.Dispose();
        if (aside != null)
            File.Delete(aside);
    }

    private static FileStream Wrap(SafeFileHandle handle, FileAccess access) => new(handle, access, BufferBytes);
}
