namespace Criu.Images.Json;

/// <summary>Reads a stream that belongs to somebody else.</summary>
internal sealed class StreamPipeReader(Stream stream) : SyncPipeReader
{
    protected override int Fill(Span<byte> target) => stream.Read(target);

    protected override void Close()
    {
    }
}
