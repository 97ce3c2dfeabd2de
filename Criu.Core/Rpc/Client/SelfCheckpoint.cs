using System.Runtime;
using Criu.Core.Options;

namespace Criu.Core.Rpc;

/// <summary>What a program does around its own dump. Each is called on the thread that asked for the dump.</summary>
public sealed record SelfCheckpointHooks
{
    /// <summary>Before: close what cannot be kept (descriptors of services that will not be there, GPUs), write back what others should see, forget secrets.</summary>
    public Action? Before { get; init; }

    /// <summary>In the original, which goes on because it is left running or because the dump has failed: open again what was closed.</summary>
    public Action? AfterDump { get; init; }

    /// <summary>
    /// In the restored copy, before anything else of the caller: the new arguments are there, and the environment is set already. Reseed what must not repeat itself in each copy (every
    /// <see cref="Random"/>; the framework's own cryptographic numbers come from the kernel), look at the clock again, open again what was closed.
    /// </summary>
    public Action<StartMessage>? AfterRestore { get; init; }

    /// <summary>Compact the heap before the dump: fewer pages in the images, and fewer to restore.</summary>
    public bool CompactHeap { get; init; } = true;

    /// <summary>Where the restored copy looks for its <see cref="StartMessage"/>; null: in the directory of the images, at the path that it had at the dump.</summary>
    public string? StartFile { get; init; }
}

/// <summary>How a self-checkpoint has returned.</summary>
/// <param name="IsRestored">Whether this is the restored copy.</param>
/// <param name="Start">What the copy was given; empty in the original.</param>
public sealed record SelfCheckpointResult(bool IsRestored, StartMessage Start);

/// <summary>
/// A program dumps itself, with all its threads and descendants. The call returns twice: in the original, if that is left running, and in each copy that is restored, from the same place.
/// The engine is a criu outside: a process that dumps itself cannot go on reading what it is.
/// </summary>
public static class SelfCheckpoint
{
    /// <summary>Dumps this process. Without <see cref="DumpOptions.LeaveRunning"/> the original ends here.</summary>
    /// <param name="client">Finds the engine: of a program, which is then started so that it is no descendant of this process, or of a service.</param>
    /// <param name="common">Where images and log are; the tree is this process.</param>
    /// <param name="dump">What becomes of the original, and what is left outside.</param>
    /// <param name="hooks">What to do before and after.</param>
    /// <param name="cancel">Ends the wait for the engine, see <see cref="CriuClient.Dump"/>.</param>
    /// <exception cref="CheckpointException">The process cannot be dumped. It goes on, and <see cref="SelfCheckpointHooks.AfterDump"/> was called.</exception>
    public static SelfCheckpointResult Dump(CriuClient client, CommonOptions common, DumpOptions dump, SelfCheckpointHooks? hooks = null, CancellationToken cancel = default)
    {
        hooks ??= new SelfCheckpointHooks();
        string start = Path.GetFullPath(hooks.StartFile ?? Path.Combine(common.ImagesDir, StartMessage.FileName));
        if (!Directory.Exists(common.ImagesDir))
            throw new CheckpointException($"There is no directory {common.ImagesDir} for the images", "Make it first");
        File.Delete(start);                              // of an older dump into this directory
        bool isRestored = false;
        try
        {
            hooks.Before?.Invoke();
            if (hooks.CompactHeap)
                CompactHeap();
            isRestored = client.Dump(common with { Tree = null }, dump, listener: null, cancel).IsRestored;
        }
        finally
        {
            if (!isRestored)
                hooks.AfterDump?.Invoke();
        }
        return isRestored ? new SelfCheckpointResult(true, Welcome(start, hooks)) : new SelfCheckpointResult(false, new StartMessage());
    }

    private static StartMessage Welcome(string start, SelfCheckpointHooks hooks)
    {
        var message = StartMessage.Load(start);
        foreach (var (name, value) in message.Environment)
            Environment.SetEnvironmentVariable(name, value);
        hooks.AfterRestore?.Invoke(message);
        return message;
    }

    /// <summary>Twice, as finalizers let go of more; the runtime gives memory that is free then back to the kernel.</summary>
    private static void CompactHeap()
    {
        for (int round = 0; round < 2; round++)
        {
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
    }
}
