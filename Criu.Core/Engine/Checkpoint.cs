using Criu.Core.Engine;
using Criu.Core.Options;
using Criu.Images;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Criu.Core;

/// <summary>Freezes process trees into images and brings them back: the front door of the library.</summary>
public static class Checkpoint
{
    /// <summary>
    /// Dumps the tree of processes below <paramref name="pid"/> into <paramref name="images"/>. When this throws, no complete image directory is left behind and the tree runs on.
    /// </summary>
    /// <param name="pid">Root of the tree, in the pid namespace of the caller.</param>
    /// <param name="images">An empty or older image directory; it becomes complete in one step, at the end.</param>
    /// <param name="options">What to do with the tree afterwards, and what to leave outside.</param>
    /// <param name="log">Receives progress and warnings; nothing is formatted below its level.</param>
    /// <param name="listener">Is told of the stages, and may stop the dump.</param>
    /// <param name="progress">Is told when each step begins.</param>
    /// <param name="cancel">Looked at between phases and in every wait; the tree is let go unharmed.</param>
    /// <exception cref="CheckpointException">The tree cannot be dumped: says which object, why, and what to do.</exception>
    public static DumpResult Dump(int pid, IImageStore images, DumpOptions options, ILogger? log = null, ICheckpointListener? listener = null, IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancel = default)
    {
        using var engine = new DumpEngine(pid, images, options, log ?? NullLogger.Instance, listener, progress, cancel);
        return engine.Run();
    }

    /// <summary>Brings the tree back that <paramref name="images"/> hold. When this throws, nothing of the tree is left.</summary>
    /// <param name="images">A complete image directory.</param>
    /// <param name="options">Who becomes the parent, and what to connect from outside.</param>
    /// <param name="log">Receives progress and warnings.</param>
    /// <param name="listener">Is told of the stages, and may stop the restore.</param>
    /// <param name="progress">Is told when each step begins.</param>
    /// <param name="cancel">Looked at until the commit; after it the answer is success.</param>
    /// <exception cref="CheckpointException">The tree cannot be restored.</exception>
    /// <exception cref="ImageFormatException">An image is damaged: file and offset.</exception>
    public static RestoreResult Restore(IImageStore images, RestoreOptions options, ILogger? log = null, ICheckpointListener? listener = null, IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancel = default)
    {
        using var engine = new RestoreEngine(images, options, log ?? NullLogger.Instance, listener, progress, cancel);
        return engine.Run();
    }

    /// <summary>Asks the kernel for what dump and restore need of it. Nothing is left behind.</summary>
    /// <param name="options">What to probe; null: what is always needed.</param>
    /// <param name="cancel">Looked at between probes.</param>
    /// <exception cref="CheckpointException">A named feature is not known.</exception>
    public static CheckResult Check(CheckOptions? options = null, CancellationToken cancel = default) => CheckResult.Of(options ?? new CheckOptions(), cancel);
}
