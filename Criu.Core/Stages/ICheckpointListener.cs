using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core;

/// <summary>
/// Is told of the stages, on the thread of the dump or restore, which waits. What it throws stops a dump (the tree runs on, and no images are left) and a restore (what was made
/// ends); when the tree is about to go on it is too late for that, and the failure is only logged.
/// </summary>
public interface ICheckpointListener
{
    /// <summary>Called at each stage.</summary>
    /// <param name="stage">Which one.</param>
    /// <param name="rootPid">The root of the tree, in the caller's pid namespace; null before a restore has made it.</param>
    void Reached(CheckpointStage stage, int? rootPid);

    /// <summary>
    /// Called at <see cref="CheckpointStage.OrphanPtsMaster"/>, in place of <see cref="Reached"/>: hands over the master of a terminal of the tree, which is ready to be talked through.
    /// </summary>
    /// <param name="master">Closed after the call: who wants to keep it duplicates it. When nobody has it open any more, the terminal hangs up.</param>
    /// <returns>False: nobody takes it, and the restore stops.</returns>
    bool TakeMaster(SafeFileHandle master) => false;
}

/// <summary>Tells whoever listens, in the words of one engine.</summary>
internal sealed class StageCalls(ICheckpointListener? listener, ILogger log)
{
    /// <summary>What is thrown stops the work.</summary>
    public void Reach(CheckpointStage stage, int? rootPid = null)
    {
        if (listener == null)
            return;
        log.LogDebug("Stage {Stage}", StageNames.Of(stage));
        listener.Reached(stage, rootPid);
    }

    /// <summary>The master of a terminal goes to whoever listens.</summary>
    public void HandOver(SafeFileHandle master)
    {
        log.LogDebug("Stage {Stage}", StageNames.Of(CheckpointStage.OrphanPtsMaster));
        if (listener?.TakeMaster(master) != true)
            throw new CheckpointException("The tree has a terminal whose master was outside, and nobody takes the new one",
                $"Listen for the stage {StageNames.Of(CheckpointStage.OrphanPtsMaster)}: in a request set notify_scripts, and take the descriptor that comes with it");
    }

    /// <summary>At a point of no return a failure changes nothing.</summary>
    public void ReachForGood(CheckpointStage stage, int rootPid)
    {
        try
        {
            Reach(stage, rootPid);
        }
        catch (Exception exception)
        {
            log.LogError("{Reason}. The tree goes on all the same", exception.Message);
        }
    }
}
