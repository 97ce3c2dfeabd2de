using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>A /proc file that does not read as its man page says: which file, which line (from 1), what was expected there.</summary>
internal sealed class ProcFormatException(string file, int line, string problem) : FormatException($"{file}:{line}: {problem}")
{
    public string File { get; } = file;

    public int Line { get; } = line;
}

/// <summary>A system call on a /proc file that failed for another reason than that the task is gone.</summary>
internal sealed class ProcAccessException(string operation, string path, long result) : IOException($"{operation} {path}: {Errno.Name(result)}")
{
    /// <summary>Positive, as in errno.h.</summary>
    public int Error { get; } = (int)-result;
}
