using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>
/// An image between its creation and the commit: small ones in memory, others in a file without a name. Where the file system has no unnamed files,
/// the file is called <c>.NAME.partial</c> for so long.
/// </summary>
internal sealed class PendingImage
{
    private readonly OpenDirectory directory;
    private byte[]? content;
    private SafeFileHandle? file;
    private string? partialName;
    private bool isPlaced;

    public PendingImage(OpenDirectory directory, string name, byte[] content) => (this.directory, Name, this.content) = (directory, name, content);

    public PendingImage(OpenDirectory directory, string name)
    {
        (this.directory, Name) = (directory, name);
        CreateAside();
    }

    public string Name { get; }

    /// <summary>A descriptor of its own for who writes the image.</summary>
    public SafeFileHandle Duplicate()
    {
        long fd = Kernel.Call(Nr.fcntl, file!.Fd(), Fcntl.F_DUPFD_CLOEXEC);
        directory.Demand(fd, "duplicate the descriptor of", Name);
        return Kernel.Own(fd);
    }

    public void Write(ReadOnlySpan<byte> bytes) => directory.Write(file!, bytes, 0, Name);

    /// <summary>Moves it from memory to a file aside, so that it can appear whole.</summary>
    public void MoveAside()
    {
        if (content is null)
            return;
        CreateAside();
        Write(content);
        content = null;
    }

    /// <summary>Gives it its name. What was in memory is written only now: this is where the disk can be full.</summary>
    public void Place(bool sync)
    {
        if (content is not null)
        {
            file = directory.CreateFile(Name);
            isPlaced = true;
            Write(content);
        }
        if (sync)
            directory.Sync(file!, Name);
        if (!isPlaced)
            GiveName();
        directory.Demand(FileCalls.Close(file!), "write", Name);
        content = null;
    }

    /// <summary>Takes it back, whatever became of it: nothing is left of it. Never throws, for it runs after a failure.</summary>
    public void Withdraw()
    {
        file?.Dispose();
        if (isPlaced)
            FileCalls.Unlink(directory.Handle, Name);
        if (partialName is not null)
            FileCalls.Unlink(directory.Handle, partialName);
    }

    private void GiveName()
    {
        if (partialName is null)
            directory.Link(file!, Name);
        else
            directory.Rename(partialName, Name);
        (partialName, isPlaced) = (null, true);
    }

    private void CreateAside()
    {
        file = directory.TryCreateUnnamed(Name);
        if (file is not null)
            return;
        string aside = $".{Name}.partial";
        file = directory.CreateFile(aside);
        partialName = aside;
    }
}
