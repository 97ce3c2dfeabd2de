using Criu.Core.Memory;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>What all processes of one restore share: images, options, and what a fresh process inherits from the engine, so that what is right already is left alone.</summary>
internal sealed class RestoreContext
{
    public RestoreContext(IImageStore images, RestoreOptions options, ILogger log)
    {
        (Images, Options, Log) = (images, options, log);
        Inherited = [.. options.InheritFds];
        Kinds = Resources.ResourceCatalog.StagesOf(this);
        ReadOwnStatus();
        for (int kind = 0; kind < ResourceLimit.Kinds; kind++)
            OwnLimits[kind] = ReadLimit(kind);
        OwnLimits.CopyTo(PuppetLimits, 0);
        const int NumberOfFiles = 7;                    // RLIMIT_NOFILE: raised for the descriptors that we need for a while
        PuppetLimits[NumberOfFiles].Current = PuppetLimits[NumberOfFiles].Maximum;
    }

    public IImageStore Images { get; }
    public RestoreOptions Options { get; }
    public ILogger Log { get; }

    public ResourceLimit[] OwnLimits { get; } = new ResourceLimit[ResourceLimit.Kinds];

    /// <summary>What processes have until their own limits come.</summary>
    public ResourceLimit[] PuppetLimits { get; } = new ResourceLimit[ResourceLimit.Kinds];

    public TaskStatus OwnCredentials { get; private set; } = null!;
    public int OwnOomScoreAdjustment { get; private set; }
    public uint OwnLoginUid { get; private set; }

    public bool MayRaiseLimits => (OwnCredentials.CapEffective >> Capability.SYS_RESOURCE & 1) != 0;

    public bool MayTrace => (OwnCredentials.CapEffective >> Capability.SYS_PTRACE & 1) != 0;

    /// <summary>Whether a process of ours may say that another sent what it sends: unix(7), SCM_CREDENTIALS.</summary>
    public bool MaySendAsOthers => new[] { Capability.SYS_ADMIN, Capability.SETUID, Capability.SETGID }.All(c => (OwnCredentials.CapEffective >> c & 1) != 0);

    /// <summary>What the user gave by --inherit-fd, and what a kind takes from us as it loads.</summary>
    public List<InheritedDescriptor> Inherited { get; }

    /// <summary>Those that work for the whole tree.</summary>
    public IReadOnlyList<Resources.IRestoreStages> Kinds { get; }

    /// <summary>A kind finds its own.</summary>
    public T Of<T>() where T : Resources.IRestoreStages
    {
        foreach (var kind in Kinds)
            if (kind is T own)
                return own;
        throw new InvalidOperationException($"The catalogue has no {typeof(T).Name}");
    }

    /// <summary>All processes, parents first, once the images are read. Zombies leave it when they have ended.</summary>
    public IReadOnlyList<RestoreTask> Tree { get; set; } = [];

    public SharedMemoryRestore SharedMemory { get; set; } = null!;

    /// <summary>All descriptions of the images, by id.</summary>
    public Dictionary<uint, FileEntry> Files { get; } = [];

    /// <summary>Which unix sockets must be made together.</summary>
    public Resources.Files.UnixSocketGroups UnixSockets => unixSockets ??= new(Files.Values);

    private Resources.Files.UnixSocketGroups? unixSockets;

    /// <summary>From when the root is made.</summary>
    public Criu.Parasite.Guard? Guard { get; set; }

    public InventoryEntry Inventory { get; set; } = new();

    /// <summary>The root's pid in the images.</summary>
    public int RootPid => Tree[0].Pid;

    /// <summary>Unix sockets that other processes have, as the restore began.</summary>
    public IEnumerable<UnixSocketInfo> LivingUnixSockets => (livingUnixSockets ??= UnixDiagCall.ReadAll()).Values;

    private Dictionary<uint, UnixSocketInfo>? livingUnixSockets;

    /// <summary>The entry of a file that is known by its path: a program, a mapping, a directory.</summary>
    public RegFileEntry RegularFile(uint id) => Files.TryGetValue(id, out var file)
        ? file.Reg ?? throw new CheckpointException($"file {id} is of type {file.Type} where a file with a path is wanted; this is not supported yet")
        : throw new CheckpointException($"the images lack file {id}, which is referred to", "The image directory is damaged: take another dump");

    /// <summary>The entry of a mapped memfd.</summary>
    public MemfdFileEntry Memory(uint id) => Files.TryGetValue(id, out var file) && file.Memfd != null
        ? file.Memfd
        : throw new CheckpointException($"the images lack the memfd {id}, which is mapped", "The image directory is damaged: take another dump");

    private void ReadOwnStatus()
    {
        var text = new ProcText();
        if (!ProcDirectory.TryOpen(Environment.ProcessId, out var self))
            throw new CheckpointException("/proc/self cannot be opened", "Mount /proc");
        using (self)
        {
            if (!self.TryRead("status"u8, text))
                throw new CheckpointException("/proc/self/status cannot be read");
            OwnCredentials = TaskStatus.Parse(text);
            if (self.TryRead("oom_score_adj"u8, text))
                OwnOomScoreAdjustment = ProcValues.ParseOomScoreAdjustment(text);
            if (self.TryRead("loginuid"u8, text))
                OwnLoginUid = ProcValues.ParseLoginUid(text);
        }
    }

    private static unsafe ResourceLimit ReadLimit(int kind)
    {
        ResourceLimit limit;
        Kernel.Call(Nr.prlimit64, 0, kind, 0, (long)(&limit));
        return limit;
    }
}
