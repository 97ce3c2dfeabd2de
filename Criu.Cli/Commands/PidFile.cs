using System.Globalization;
using System.Text;
using Criu.Cli.Reporting;
using Criu.Core;
using Linux.Abi;

namespace Criu.Cli.Commands;

/// <summary>The file that tells the pid of the restored root. It appears after the restore only: its presence says that the tree is there.</summary>
internal sealed class PidFile
{
    private readonly string path;

    private PidFile(string path) => this.path = path;

    /// <summary>Looks before the restore whether the file can be made after it.</summary>
    public static PidFile? Prepare(string? path)
    {
        if (path == null)
            return null;
        long there = Kernel.Open(path, Fcntl.O_PATH | Fcntl.O_NOFOLLOW);
        if (!Kernel.Failed(there))
        {
            Kernel.Own(there).Dispose();
            throw new CheckpointException($"The pid file {path} exists already", "Remove it, or name another with --pidfile");
        }
        string directory = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        WorkPlace.Require(directory, "directory of the pid file", DirectoryAccess.Write, "Name another with --pidfile");
        return new PidFile(path);
    }

    public void Write(int pid)
    {
        long fd = Kernel.Open(path, Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_EXCL, 0x180);   // rw-------
        if (Kernel.Failed(fd))
            throw new CheckpointException($"The tree was restored (its root is process {pid}), but the pid file {path} cannot be written: {WorkPlace.Reason(fd)}");
        using var file = Kernel.Own(fd);
        StandardStream.Write(file.Fd(), Encoding.ASCII.GetBytes(pid.ToString(CultureInfo.InvariantCulture)));
    }
}
