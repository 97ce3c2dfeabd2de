using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;

namespace Criu.Core.Resources.Files;

/// <summary>What waits in the sockets of the images, whatever their family.</summary>
internal sealed class SocketQueueRestore(RestoreContext context) : IRestoreStages
{
    private readonly Dictionary<uint, List<SocketMessage>> queues = [];

    public void Load()
    {
        using var reader = context.Images.TryOpenImage(ImageKind.SkQueues);
        while (reader != null && reader.TryRead<SkPacketEntry>(out var entry))
        {
            if (!queues.TryGetValue(entry.IdFor, out var queue))
                queues[entry.IdFor] = queue = [];
            queue.Add(SocketMessage.From(entry, reader.ReadPayload(entry.Length), context.Files));
        }
    }

    /// <summary>By the description's id: messages, or pieces of a stream, in their order.</summary>
    public IReadOnlyList<SocketMessage> Of(uint id) => queues.GetValueOrDefault(id) ?? [];

    /// <summary>Sockets in which descriptors wait.</summary>
    public IEnumerable<uint> WithRights => queues.Where(q => q.Value.Exists(m => m.Rights.Count > 0)).Select(q => q.Key);
}
