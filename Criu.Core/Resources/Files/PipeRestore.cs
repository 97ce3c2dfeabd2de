using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;

namespace Criu.Core.Resources.Files;

/// <summary>What waits in the pipes and FIFOs of the images.</summary>
internal sealed class PipeRestore(RestoreContext context) : IRestoreStages
{
    private readonly Dictionary<uint, PipeData> pipes = [], fifos = [];

    public void Load()
    {
        Load(ImageKind.PipesData, pipes);
        Load(ImageKind.FifoData, fifos);
    }

    private void Load(ImageKind kind, Dictionary<uint, PipeData> contents)
    {
        using var reader = context.Images.TryOpenImage(kind);
        while (reader != null && reader.TryRead<PipeDataEntry>(out var entry))
        {
            if (!contents.TryGetValue(entry.PipeId, out var data))
                contents[entry.PipeId] = data = new PipeData(entry.Size, []);
            data.Pieces.Add(reader.ReadPayload(entry.Bytes));
        }
    }

    public PipeData OfPipe(uint id) => pipes.GetValueOrDefault(id, PipeData.None);

    public PipeData OfFifo(uint id) => fifos.GetValueOrDefault(id, PipeData.None);
}
