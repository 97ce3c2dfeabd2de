using Criu.Images.Proto;
using Criu.Parasite;

namespace Criu.Core.Engine;

/// <summary>A process that is being restored: its entries, and the puppet that becomes it.</summary>
internal sealed class RestoreTask(RestoreContext context, PstreeEntry entry, RestoreTask? parent)
{
    private BatchStream? stream;

    public RestoreContext Context => context;

    /// <summary>Null for the root.</summary>
    public RestoreTask? Parent => parent;

    public List<RestoreTask> Children { get; } = [];
    public int Pid { get; } = (int)entry.Pid;
    public int ProcessGroup { get; } = (int)entry.Pgid;
    public int Session { get; } = (int)entry.Sid;

    /// <summary>The leader's core entry, which also holds what belongs to the process.</summary>
    public required CoreEntry Core { get; init; }

    /// <summary>Thread ids and their core entries, the leader first.</summary>
    public List<(int Tid, CoreEntry Core)> Threads { get; } = [];

    public MmEntry Mm { get; set; } = new();

    /// <summary>Parts of its mappings on which any access is a fault.</summary>
    public List<VmaEntry> Guards { get; } = [];
    public FsEntry Fs { get; set; } = new();
    public TaskKobjIdsEntry Ids { get; set; } = new();
    public List<FdinfoEntry> Descriptors { get; set; } = [];

    /// <summary>False where another process made the descriptor table, which this one shares.</summary>
    public bool OwnsDescriptors { get; set; } = true;

    public bool IsZombie => Core.Tc.TaskState == TaskState.Dead;
    public bool IsStopped => Core.Tc.TaskState == TaskState.Stopped;
    public bool IsSessionLeader => Session == Pid;

    public BatchStream Stream => stream ?? throw new InvalidOperationException($"{this} is not made yet");

    /// <summary>Streams of all threads, the leader first, once they are made.</summary>
    public List<BatchStream> ThreadStreams { get; } = [];

    public void Became(Puppet puppet)
    {
        stream = new BatchStream(puppet);
        ThreadStreams.Add(stream);
    }

    public int TidOf(CoreEntry core)
    {
        foreach (var thread in Threads)
            if (thread.Core == core)
                return thread.Tid;
        throw new InvalidOperationException("a core entry of another process");
    }

    public override string ToString() => $"pid {Pid} ({Core.Tc.Comm.ToStringUtf8()})";
}
