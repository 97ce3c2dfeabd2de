using System.Text;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Core.Resources.Files;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>Working directory, root directory and umask: what CLONE_FS shares.</summary>
internal static class WorkingDirectory
{
    public static void Dump(DumpTask task, DumpContext context)
    {
        task.Fs.CwdId = IdOf(task, "cwd", context);
        task.Fs.RootId = IdOf(task, "root", context);
        if (task.Leader.Status.Umask is { } umask)
            task.Fs.Umask = (uint)umask;
    }

    private static uint IdOf(DumpTask task, string link, DumpContext context)
    {
        byte[] name = Encoding.ASCII.GetBytes(link);
        if (!task.Proc.TryReadLink((ReadOnlySpan<byte>)name, out var path) || !OpenFile.TryStat(task.Proc.Fd, [.. name, 0], out var stat))
            throw new CheckpointException($"the {link} of {task} cannot be seen");
        return context.Files.IdOfPath(task, path, Fcntl.O_RDONLY, stat, $"the {link} directory");
    }

    /// <summary>The working directory is entered first: its path is one of ours, and a directory stays what it is when the root changes.</summary>
    public static void Restore(RestoreTask task, BatchStream stream)
    {
        var (cwd, root) = (task.Context.RegularFile(task.Fs.CwdId), task.Context.RegularFile(task.Fs.RootId));
        var batch = stream.Room(4, cwd.Name.Length + root.Name.Length + 64);
        batch.Call(Nr.chdir, batch.Bytes([.. cwd.Name.Span, 0]));
        if (!root.Name.Span.SequenceEqual("/"u8))
            batch.Call(Nr.chroot, batch.Bytes([.. root.Name.Span, 0]));
        if (task.Fs.HasUmask)
            batch.Call(Nr.umask, task.Fs.Umask);
    }
}
