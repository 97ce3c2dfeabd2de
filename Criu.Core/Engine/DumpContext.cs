using Criu.Core.Memory;
using Criu.Core.Proc;
using Criu.Core.Resources;
using Criu.Core.Resources.Files;
using Criu.Images;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>What the kinds of one dump share: options, ids, images. Ids are allotted in the order of collecting, so that equal trees give equal images.</summary>
internal sealed class DumpContext : IDisposable
{
    private readonly Dictionary<ImageKind, ImageWriter> writers = [];

    public DumpContext(IImageStore images, DumpOptions options, ILogger log, CancellationToken cancel)
    {
        (Images, Options, Log, Cancel) = (images, options, log, cancel);
        Files = new FileTable(this);
        SharedMemory = new SharedMemoryDump(this);
        Kinds = ResourceCatalog.StagesOf(this);
    }

    public IImageStore Images { get; }
    public DumpOptions Options { get; }
    public ILogger Log { get; }
    public CancellationToken Cancel { get; }

    /// <summary>Scratch for files of /proc.</summary>
    public ProcText Text { get; } = new();

    /// <summary>The engine's own /proc/PID, for descriptors that it has copies of.</summary>
    public ProcDirectory OwnProc => ownProc ??= ProcDirectory.TryOpen(Environment.ProcessId, out var own) ? own : throw new CheckpointException("our own directory of /proc is not there");

    private ProcDirectory? ownProc;

    public FileTable Files { get; }

    public SharedMemoryDump SharedMemory { get; }

    /// <summary>Those that work for the whole tree.</summary>
    public IReadOnlyList<IDumpStages> Kinds { get; }

    /// <summary>A kind finds its own.</summary>
    public T Of<T>() where T : IDumpStages
    {
        foreach (var kind in Kinds)
            if (kind is T own)
                return own;
        throw new InvalidOperationException($"The catalogue has no {typeof(T).Name}");
    }

    /// <summary>All processes, parents first.</summary>
    public IReadOnlyList<DumpTask> Tree { get; set; } = [];

    /// <summary>Names this dump, in the inventory and for whatever it leaves behind for the restore.</summary>
    public string RunId { get; } = Guid.NewGuid().ToString();

    public uint NextPagesId { get; set; } = 1;

    /// <summary>The writer of an image that many kinds or objects add to; it is created with its first entry.</summary>
    public ImageWriter Writer(ImageKind kind)
    {
        if (!writers.TryGetValue(kind, out var writer))
            writers[kind] = writer = Images.CreateImage(kind);
        return writer;
    }

    /// <summary>Something that is not supported: the dump fails by name, and the process runs on.</summary>
    public CheckpointException Refuse(DumpTask task, string what) => new($"{task}: {what}; this is not supported yet", "It runs on, nothing was changed");

    public void Complete()
    {
        foreach (var writer in writers.Values)
            writer.Dispose();
        writers.Clear();
    }

    public void Dispose()
    {
        Complete();
        foreach (var kind in Kinds)
            kind.Dispose();
        SharedMemory.Dispose();
        Files.Dispose();
        ownProc?.Dispose();
    }
}
