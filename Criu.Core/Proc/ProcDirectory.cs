using System.Diagnostics.CodeAnalysis;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Proc;

/// <summary>
/// <c>/proc/PID</c>, held open. The descriptor stays bound to that one process: when the pid is given to another, everything below answers
/// ENOENT or ESRCH, and a name looked up as text would have answered for the wrong one. "It is gone" is an expected outcome, so each read is a
/// Try; any other error throws <see cref="ProcAccessException"/>.
/// </summary>
internal sealed class ProcDirectory : IDisposable
{
    private const int LongestLink = 4096;       // bytes; the kernel makes the text in one page

    private readonly SafeFileHandle handle;

    private ProcDirectory(SafeFileHandle handle, string path) => (this.handle, Path) = (handle, path);

    /// <summary>For messages.</summary>
    public string Path { get; }

    public int Fd => handle.Fd();

    /// <summary>/proc/PID; false where there is no such process.</summary>
    public static bool TryOpen(int pid, [NotNullWhen(true)] out ProcDirectory? directory) => TryOpen($"/proc/{pid}", out directory);

    /// <summary>Any directory of a procfs, such as /proc itself, or one that is mounted elsewhere.</summary>
    public static bool TryOpen(string path, [NotNullWhen(true)] out ProcDirectory? directory) =>
        TryOwn(Kernel.Open(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY), path, out directory);

    /// <summary>/proc/PID/task/TID.</summary>
    public bool TryOpenThread(int tid, [NotNullWhen(true)] out ProcDirectory? thread) =>
        TryOwn(Kernel.OpenAt(Fd, ProcName.Of("task"u8, tid).Z, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY), $"{Path}/task/{tid}", out thread);

    /// <summary>Opens a file below; O_CLOEXEC is added.</summary>
    public bool TryOpenAt(in ProcName name, int flags, [NotNullWhen(true)] out SafeFileHandle? file)
    {
        long fd = Kernel.OpenAt(Fd, name.Z, flags);
        file = IsThere(fd, "openat", name) ? Kernel.Own(fd) : null;
        return file != null;
    }

    /// <summary>Reads the whole file.</summary>
    public bool TryRead(in ProcName name, ProcText text)
    {
        text.Begin(Path, name);
        if (!TryOpenAt(name, Fcntl.O_RDONLY, out var file))
            return false;
        using (file)
            while (true)
            {
                text.GrowIfFull();
                if (!TryReadMore(file, name, text, out int bytes))
                    return false;
                if (bytes == 0)
                    return true;
            }
    }

    /// <summary>Hands a long file over piece by piece, in pieces of whole lines, so that the buffer need not hold all of it.</summary>
    public bool TryReadLines(in ProcName name, ProcText text, IProcLineSink sink)
    {
        text.Begin(Path, name);
        if (!TryOpenAt(name, Fcntl.O_RDONLY, out var file))
            return false;
        using (file)
            while (true)
            {
                text.GrowIfFull();
                if (!TryReadMore(file, name, text, out int bytes))
                    return false;
                // At the end the remainder goes over too: a line that is cut off is the parser's to refuse.
                int whole = bytes == 0 ? text.Length : text.Bytes.LastIndexOf((byte)'\n') + 1;
                sink.Take(text, text.Bytes[..whole]);
                text.Drop(whole);
                if (bytes == 0)
                    return true;
            }
    }

    public bool TryReadLink(in ProcName name, out KernelPath target)
    {
        Span<byte> text = stackalloc byte[LongestLink];
        long length = ProcFile.ReadLinkAt(Fd, name.Z, text);
        bool there = IsThere(length, "readlinkat", name);
        target = there ? new(text[..(int)length]) : default;
        return there;
    }

    /// <summary>The entries that are numbers, ascending: <c>fd</c>, <c>task</c>. The list is emptied first.</summary>
    public bool TryListNumbers(in ProcName name, List<int> numbers)
    {
        numbers.Clear();
        if (!TryOpenAt(name, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, out var folder))
            return false;
        using (folder)
            if (!IsThere(DirectoryNumbers.Read(folder.Fd(), numbers), "getdents64", name))
                return false;
        numbers.Sort();
        return true;
    }

    public void Dispose() => handle.Dispose();

    private static bool TryOwn(long fd, string path, [NotNullWhen(true)] out ProcDirectory? directory)
    {
        bool there = IsThere(fd, "open", path);
        directory = there ? new(Kernel.Own(fd), path) : null;
        return there;
    }

    private bool TryReadMore(SafeFileHandle file, in ProcName name, ProcText text, out int bytes)
    {
        long result = ProcFile.Read(file.Fd(), text.Free);
        bool there = IsThere(result, "read", name);
        bytes = there ? (int)result : 0;
        text.Add(bytes);
        return there;
    }

    private bool IsThere(long result, string operation, in ProcName name) =>
        !Kernel.Failed(result) || IsThere(result, operation, $"{Path}/{name}");

    private static bool IsThere(long result, string operation, string path) => result switch
    {
        -Errno.ENOENT or -Errno.ESRCH => false,
        _ when Kernel.Failed(result) => throw new ProcAccessException(operation, path, result),
        _ => true,
    };
}

/// <summary>Takes a file in pieces of whole lines.</summary>
internal interface IProcLineSink
{
    /// <param name="source">For messages.</param>
    /// <param name="lines">Valid during the call only.</param>
    void Take(ProcText source, ReadOnlySpan<byte> lines);
}
