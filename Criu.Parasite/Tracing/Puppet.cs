namespace Criu.Parasite;

/// <summary>A thread that runs batches of ours.</summary>
public sealed class Puppet
{
    internal Puppet(int pid, int tid, BatchChannel channel) => (Pid, Tid, Channel) = (pid, tid, channel);

    /// <summary>Its process.</summary>
    public int Pid { get; }

    /// <summary>Its thread id.</summary>
    public int Tid { get; }

    internal BatchChannel Channel { get; }

    /// <summary>Begins a batch in the puppet's space; the results of the one before can no longer be read.</summary>
    public SyscallBatch NewBatch() => Channel.NewBatch();

    /// <summary>Runs a batch and waits for its end.</summary>
    /// <exception cref="BatchException">A call that had to succeed did not.</exception>
    /// <exception cref="ParasiteException">The process ended.</exception>
    public void Run(SyscallBatch batch)
    {
        Start(batch);
        Finish(batch);
    }

    /// <summary>Starts a batch: other puppets' batches may run at the same time.</summary>
    public void Start(SyscallBatch batch) => Channel.Start(batch);

    /// <summary>Waits for a batch that was started.</summary>
    /// <exception cref="BatchException">A call that had to succeed did not.</exception>
    /// <exception cref="ParasiteException">The process ended.</exception>
    public void Finish(SyscallBatch batch)
    {
        try
        {
            Channel.Finish(batch);
        }
        catch (RunnerGoneException)
        {
            throw new ParasiteException($"thread {Tid} of pid {Pid} ended while it was held: somebody killed it");
        }
    }
}
