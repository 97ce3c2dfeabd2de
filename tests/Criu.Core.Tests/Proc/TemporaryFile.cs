using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Tests.Proc;

/// <summary>A file with contents, in the temporary directory, gone at the end.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly SafeFileHandle handle;

    public TemporaryFile(int pages)
    {
        Path = System.IO.Path.GetTempFileName();
        byte[] contents = new byte[pages * Mman.PageSize];
        Array.Fill(contents, (byte)7);
        File.WriteAllBytes(Path, contents);
        handle = File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite);
    }

    public string Path { get; }

    public int Fd => handle.Fd();

    public void Dispose()
    {
        handle.Dispose();
        File.Delete(Path);
    }
}
