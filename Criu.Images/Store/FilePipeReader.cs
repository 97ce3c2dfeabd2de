using System.Buffers;
using System.IO.Pipelines;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>The way of a file into an <see cref="ImageReader"/>, all synchronous, in one buffer that grows only as far as is asked for.</summary>
internal sealed class FilePipeReader(SafeFileHandle file, string path) : PipeReader
{
    private const int FirstBytes = 4096;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int start, end;
    private int examined = -1;
    private long offset;
    private bool isAtEnd;

    public override bool TryRead(out ReadResult result)
    {
        result = ReadAtLeast(end - start <= examined ? examined + 1 : 1);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        TryRead(out ReadResult result);
        return new ValueTask<ReadResult>(result);
    }

    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken) => new(ReadAtLeast(minimumSize));

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        start = consumed.GetInteger();
        this.examined = examined.GetInteger() - start;
    }

    public override void CancelPendingRead()
    {
    }

    public override void Complete(Exception? exception = null)
    {
        if (buffer.Length == 0)
            return;
        ArrayPool<byte>.Shared.Return(buffer);
        (buffer, start, end) = ([], 0, 0);
        file.Dispose();
    }

    private ReadResult ReadAtLeast(int bytes)
    {
        ObjectDisposedException.ThrowIf(buffer.Length == 0, this);
        MakeRoom(bytes);
        while (end - start < bytes && !isAtEnd)
            Fill();
        return new ReadResult(new ReadOnlySequence<byte>(buffer, start, end - start), isCanceled: false, isCompleted: isAtEnd);
    }

    private void Fill()
    {
        long got = FileCalls.ReadAll(file, buffer.AsSpan(end), offset);
        if (Kernel.Failed(got))
            throw new ImageStoreException("read", path, got);
        isAtEnd = got < buffer.Length - end;
        offset += got;
        end += (int)got;
    }

    private void MakeRoom(int bytes)
    {
        if (buffer.Length - start >= bytes)
            return;
        byte[] target = buffer.Length >= bytes ? buffer : ArrayPool<byte>.Shared.Rent(bytes);
        buffer.AsSpan(start, end - start).CopyTo(target);
        if (target != buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        (buffer, start, end) = (target, 0, end - start);
    }
}
