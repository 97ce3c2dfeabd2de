using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>Reads a file by position, from its start.</summary>
internal sealed class FilePipeReader(SafeFileHandle file, string path) : SyncPipeReader
{
    private long offset;

    protected override int Fill(Span<byte> target)
    {
        long got = FileCalls.Read(file, target, offset);
        if (Kernel.Failed(got))
            throw new ImageStoreException("read", path, got);
        offset += got;
        return (int)got;
    }

    protected override void Close() => file.Dispose();
}
