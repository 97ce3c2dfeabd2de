namespace Criu.Core;

/// <summary>
/// The points of a dump or restore that others are told of: an action script, a client of the RPC, the program that called. Names and meanings are CRIU's.
/// </summary>
public enum CheckpointStage
{
    /// <summary>Before anything is done to the tree.</summary>
    PreDump,

    /// <summary>The images are complete, the tree is still stopped.</summary>
    PostDump,

    /// <summary>The images were read, no process was made.</summary>
    PreRestore,

    /// <summary>All processes are there, as they were, and wait.</summary>
    PostRestore,

    /// <summary>Just before the tree goes on.</summary>
    PreResume,

    /// <summary>The tree has gone on.</summary>
    PostResume,

    /// <summary>The network namespace of the tree shall be cut off.</summary>
    NetworkLock,

    /// <summary>The network namespace of the tree shall be connected again.</summary>
    NetworkUnlock,

    /// <summary>The root is in its new namespaces, which are bare.</summary>
    SetupNamespaces,

    /// <summary>The new namespaces are as the images have them.</summary>
    PostSetupNamespaces,

    /// <summary>Which files in the mount namespace are outside.</summary>
    QueryExtFiles,

    /// <summary>The other side of a terminal of the tree is handed over.</summary>
    OrphanPtsMaster,

    /// <summary>A server is ready.</summary>
    StatusReady,

    /// <summary>The images are about to be streamed.</summary>
    PreStream,
}

/// <summary>How the stages are called by scripts and in the RPC.</summary>
internal static class StageNames
{
    /// <summary>Null for one that is not known here.</summary>
    public static CheckpointStage? Find(string name)
    {
        foreach (var stage in Enum.GetValues<CheckpointStage>())
            if (Of(stage) == name)
                return stage;
        return null;
    }

    public static string Of(CheckpointStage stage) => stage switch
    {
        CheckpointStage.PreDump => "pre-dump",
        CheckpointStage.PostDump => "post-dump",
        CheckpointStage.PreRestore => "pre-restore",
        CheckpointStage.PostRestore => "post-restore",
        CheckpointStage.PreResume => "pre-resume",
        CheckpointStage.PostResume => "post-resume",
        CheckpointStage.NetworkLock => "network-lock",
        CheckpointStage.NetworkUnlock => "network-unlock",
        CheckpointStage.SetupNamespaces => "setup-namespaces",
        CheckpointStage.PostSetupNamespaces => "post-setup-namespaces",
        CheckpointStage.QueryExtFiles => "query-ext-files",
        CheckpointStage.OrphanPtsMaster => "orphan-pts-master",
        CheckpointStage.StatusReady => "status-ready",
        CheckpointStage.PreStream => "pre-stream",
        _ => throw new ArgumentOutOfRangeException(nameof(stage), stage, null),
    };
}
