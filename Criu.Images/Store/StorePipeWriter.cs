using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>
/// The way of an image into its store, all synchronous. It stays in one buffer until it is complete; one that is flushed before goes to a file of its own.
/// </summary>
internal sealed class StorePipeWriter(IImageStore store, string name) : PipeWriter
{
    private const int FirstBytes = 4096;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private SafeFileHandle? file;
    private int used;
    private long offset;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => used;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return buffer.AsMemory(used);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(buffer.Length - used), nameof(bytes));
        used += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        WriteOut();
        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
    }

    public override void CancelPendingFlush()
    {
    }

    /// <summary>Hands the image over to the store. With an exception: nothing is handed over that was not written yet.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (buffer.Length == 0)
            return;
        if (exception is null && file is null)
            store.Write(name, buffer.AsSpan(0, used));
        else if (exception is null)
            WriteOut();
        Release();
    }

    private void WriteOut()
    {
        file ??= store.Create(name);
        long result = FileCalls.WriteAll(file, buffer.AsSpan(0, used), offset);
        if (Linux.Abi.Kernel.Failed(result))
        {
            Release();                                         // so that completing it does not fail again, over the first failure
            throw new ImageStoreException("write", store.PathOf(name), result);
        }
        (offset, used) = (offset + used, 0);
    }

    private void Release()
    {
        file?.Dispose();
        ArrayPool<byte>.Shared.Return(buffer);
        (buffer, used) = ([], 0);
    }

    private void Reserve(int bytes)
    {
        if (buffer.Length - used >= bytes)
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(checked(used + Math.Max(bytes, used)));
        buffer.AsSpan(0, used).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }
}
