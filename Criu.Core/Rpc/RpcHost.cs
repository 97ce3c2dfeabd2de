using Criu.Core.Options;

namespace Criu.Core.Rpc;

/// <summary>What the program around a server does for it: it has the log, the directories and the words for failures.</summary>
public abstract class RpcHost
{
    /// <summary>What the command line of the server sets: it counts more than files of options, and less than what a request sets.</summary>
    public virtual IReadOnlyList<OptionSetting> Settings => [];

    /// <summary>Dumps a tree as the command line would. Throws where that fails, once the log has it.</summary>
    /// <param name="options">The merged options of the request; the tree is set.</param>
    /// <param name="listener">Is told of the stages; null: nobody is.</param>
    public abstract void Dump(MergedOptions options, ICheckpointListener? listener);

    /// <summary>Restores a tree as the command line would, and answers the pid of its root. Throws where that fails, once the log has it.</summary>
    /// <param name="options">The merged options of the request.</param>
    /// <param name="listener">Is told of the stages; null: nobody is.</param>
    public abstract int Restore(MergedOptions options, ICheckpointListener? listener);

    /// <summary>Throws where the system lacks what every dump and restore needs, with all that is missing.</summary>
    /// <param name="options">The merged options of the request.</param>
    public abstract void Check(MergedOptions options);

    /// <summary>Writes which processor this is, or throws where it does not fit.</summary>
    /// <param name="options">The merged options of the request.</param>
    /// <param name="isDump">Whether to write.</param>
    public abstract void Cpuinfo(MergedOptions options, bool isDump);

    /// <summary>A failure in a sentence.</summary>
    /// <param name="exception">What was thrown.</param>
    public abstract string Describe(Exception exception);

    /// <summary>Logs what concerns the connection rather than a dump or restore.</summary>
    /// <param name="message">One sentence.</param>
    public abstract void Complain(string message);
}
