using Criu.Parasite;

namespace Criu.Core.Engine;

/// <summary>
/// Calls for one process, of any number: a batch is run where the next calls find no room. Whoever adds calls asks for room for all that take results from one another.
/// </summary>
internal sealed class BatchStream(Puppet puppet)
{
    private const int RecordSize = 64, DataOverhead = 16;              // bytes; each piece of data is aligned to 16

    private readonly List<Action> checks = [];
    private SyscallBatch? batch;

    public Puppet Puppet => puppet;

    /// <summary>Batches that were run.</summary>
    public int Batches { get; private set; }

    /// <summary>The batch, with room for so many calls (a CallWith is two) and bytes of data.</summary>
    public SyscallBatch Room(int records, long bytes = 0)
    {
        if (batch != null && batch.Free < (long)records * RecordSize + bytes + (records + 2L) * DataOverhead)
            Run();
        return batch ??= puppet.NewBatch();
    }

    /// <summary>Looks at results when the batch under way has run.</summary>
    public void AfterRun(Action check) => checks.Add(check);

    /// <summary>Room that the next batches of this puppet leave alone.</summary>
    public Slot<T> Keep<T>() where T : unmanaged => puppet.Keep<T>();

    public void Run()
    {
        Start();
        Finish();
    }

    public void Start()
    {
        if (batch != null)
            puppet.Start(batch);
    }

    public void Finish()
    {
        if (batch == null)
            return;
        try
        {
            puppet.Finish(batch);
        }
        catch (BatchException e)
        {
            throw new FailedCallException(puppet, e);
        }
        Batches++;
        foreach (var check in checks)
            check();
        checks.Clear();
        batch = null;
    }

    /// <summary>Runs what is left in all streams, side by side.</summary>
    public static void RunAll(IReadOnlyList<BatchStream> streams)
    {
        foreach (var stream in streams)
            stream.Start();
        foreach (var stream in streams)
            stream.Finish();
    }
}
