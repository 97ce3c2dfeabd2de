using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Engine;

/// <summary>A process that is being dumped: what /proc says of it, and the entries that its images will hold.</summary>
internal sealed class DumpTask : IDisposable
{
    public required int Pid { get; init; }

    /// <summary>Null for the root of the tree.</summary>
    public DumpTask? Parent { get; init; }

    /// <summary>Null for a zombie.</summary>
    public Tracee? Tracee { get; init; }

    public required ProcDirectory Proc { get; init; }

    public required TaskStat Stat { get; init; }

    public List<DumpTask> Children { get; } = [];

    /// <summary>Leader first; empty for a zombie.</summary>
    public List<DumpThread> Threads { get; } = [];

    /// <summary>As they were before anything of ours was mapped.</summary>
    public List<Vma> Vmas { get; } = [];

    public TaskKobjIdsEntry Ids { get; set; } = new();

    public MmEntry Mm { get; } = new();

    public FsEntry Fs { get; } = new();

    public List<FdinfoEntry> Descriptors { get; } = [];

    public bool IsZombie => Tracee == null;

    /// <summary>A pidfd, to fetch its descriptors by.</summary>
    public SafeFileHandle Handle => handle ??= OpenHandle();

    private SafeFileHandle? handle;

    private SafeFileHandle OpenHandle()
    {
        long pidfd = Kernel.Call(Nr.pidfd_open, Pid);
        return Kernel.Failed(pidfd) ? throw new CheckpointException($"pidfd_open of {this} failed: {Errno.Name(pidfd)}") : Kernel.Own(pidfd);
    }

    public DumpThread Leader => Threads[0];

    /// <summary>The core entry of the leader, which also holds what belongs to the process.</summary>
    public CoreEntry Core => IsZombie ? zombieCore : Leader.Core;

    private readonly CoreEntry zombieCore = new() { Mtype = CoreEntry.Types.March.X8664, Tc = new TaskCoreEntry() };

    public void Dispose()
    {
        foreach (var thread in Threads)
            thread.Dispose();
        handle?.Dispose();
        Proc.Dispose();
    }

    public override string ToString() => $"pid {Pid} ({Stat.Comm})";
}

/// <summary>A thread that is being dumped.</summary>
internal sealed class DumpThread : IDisposable
{
    public required DumpTask Task { get; init; }
    public required TracedThread Traced { get; init; }
    public required ProcDirectory Proc { get; init; }
    public required TaskStat Stat { get; init; }
    public required TaskStatus Status { get; init; }

    public int Tid => Traced.Tid;

    public bool IsLeader => Tid == Task.Pid;

    public CoreEntry Core { get; } = new()
    {
        Mtype = CoreEntry.Types.March.X8664, ThreadInfo = new ThreadInfoX86(), ThreadCore = new ThreadCoreEntry(),
    };

    public void Dispose() => Proc.Dispose();
}
