using System.Buffers;
using System.IO.Pipelines;

namespace Criu.Images;

/// <summary>The way of bytes into an <see cref="ImageReader"/>, all synchronous, in one buffer that grows only as far as is asked for.</summary>
internal abstract class SyncPipeReader : PipeReader
{
    private const int FirstBytes = 4096;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int start, end;
    private int examined = -1;
    private bool isAtEnd;

    /// <summary>Reads into the buffer; 0 bytes at the end.</summary>
    protected abstract int Fill(Span<byte> target);

    /// <summary>Closes what is read.</summary>
    protected abstract void Close();

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
        Close();
    }

    private ReadResult ReadAtLeast(int bytes)
    {
        ObjectDisposedException.ThrowIf(buffer.Length == 0, this);
        while (end - start < bytes && !isAtEnd)
        {
            if (end == buffer.Length)
                MakeRoom(bytes);
            Fill();
        }
        return new ReadResult(new ReadOnlySequence<byte>(buffer, start, end - start), isCanceled: false, isCompleted: isAtEnd);
    }

    private void Fill()
    {
        int got = Fill(buffer.AsSpan(end));
        isAtEnd = got == 0;
        end += got;
    }

    // At most twice what has arrived: who asks for more may have been told a wrong length.
    private void MakeRoom(int bytes)
    {
        int used = end - start;
        byte[] target = used < buffer.Length ? buffer : ArrayPool<byte>.Shared.Rent((int)Math.Min(bytes, 2L * used));
        buffer.AsSpan(start, used).CopyTo(target);
        if (target != buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        (buffer, start, end) = (target, 0, used);
    }
}
