using Criu.Core.Memory;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>What must hold before the first process is made.</summary>
internal static class RestoreChecks
{
    /// <summary>Ascending, aligned, within the address space, and of kinds that can be mapped.</summary>
    public static void CheckMappings(RestoreTask task)
    {
        ulong end = 0;
        foreach (var vma in task.Mm.Vmas)
        {
            if ((vma.Status & VmaStatus.Vsyscall) != 0)
                continue;
            if (vma.Start >= vma.End || vma.Start < end || (vma.Start | vma.End) % (ulong)Mman.PageSize != 0 || vma.End > (ulong)Mman.TaskSize)
                throw new CheckpointException($"mm-{task.Pid}.img: the mapping {vma.Start:x}-{vma.End:x} is not possible behind {end:x}", "The image is damaged: take another dump");
            if ((vma.Status & ~VmaStatus.Known) != 0)
                throw new CheckpointException($"{task} has a mapping at {vma.Start:x} of a kind (status {vma.Status & ~VmaStatus.Known:x}) that is not supported yet");
            end = vma.End;
        }
    }

    public static void CheckNamespaces(RestoreTask task, TaskKobjIdsEntry root, IImageStore images)
    {
        var own = images.ReadSingle<InventoryEntry>(ImageKind.Inventory).RootIds;
        foreach (var (name, theirs, ours) in Namespaces(task.Ids, own ?? root))
            if (theirs != 0 && ours != 0 && theirs != ours)
                throw new CheckpointException($"{task} was dumped in a {name} namespace of its own; restoring that is not supported yet");
    }

    private static (string, uint, uint)[] Namespaces(TaskKobjIdsEntry task, TaskKobjIdsEntry own) =>
    [
        ("pid", task.PidNsId, own.PidNsId), ("network", task.NetNsId, own.NetNsId), ("IPC", task.IpcNsId, own.IpcNsId), ("UTS", task.UtsNsId, own.UtsNsId),
        ("mount", task.MntNsId, own.MntNsId), ("user", task.UserNsId, own.UserNsId), ("time", task.TimeNsId, own.TimeNsId),
    ];

    /// <summary>clone3 with set_tid answers EEXIST for a number in use; say which, and by whom.</summary>
    public static void CheckPidsAreFree(List<RestoreTask> tasks)
    {
        var text = new ProcText();
        foreach (var task in tasks)
            foreach (var (tid, _) in task.Threads)
                if (ProcDirectory.TryOpen(tid, out var taken))
                    using (taken)
                        throw Taken(tid, taken, text);
    }

    private static CheckpointException Taken(int tid, ProcDirectory taken, ProcText text)
    {
        if (!taken.TryRead("stat"u8, text))
            return new CheckpointException($"pid {tid} is taken") { ErrorNumber = Errno.EEXIST };
        var stat = TaskStat.Parse(text);
        return stat.State == 'Z'
            ? new CheckpointException($"pid {tid} is taken by a zombie ({stat.Comm})", $"Its parent, pid {stat.ParentPid}, has to wait for it first") { ErrorNumber = Errno.EEXIST }
            : new CheckpointException($"pid {tid} is taken by \"{stat.Comm}\"", "End that process, or restore in a pid namespace of its own") { ErrorNumber = Errno.EEXIST };
    }

    /// <summary>
    /// A process needs a few numbers beyond its own while its descriptors are made, and those must be below the hard limit that it inherits from us.
    /// </summary>
    /// <param name="task">The process.</param>
    /// <param name="end">One above the highest number.</param>
    /// <param name="context">Its limit for puppets is raised where that is allowed.</param>
    public static void DemandDescriptors(RestoreTask task, int end, RestoreContext context)
    {
        const int NumberOfFiles = 7;                    // RLIMIT_NOFILE
        ref var limit = ref context.PuppetLimits[NumberOfFiles];
        if ((ulong)end <= limit.Maximum)
            return;
        if (!context.MayRaiseLimits)
            throw new CheckpointException($"{task}: its restore needs descriptors up to {end - 1}, and our hard limit is {limit.Maximum}",
                $"Raise it before the restore to {end} at least (ulimit -Hn {end}), or run with CAP_SYS_RESOURCE");
        limit = new ResourceLimit { Current = (ulong)end, Maximum = (ulong)end };
    }

    /// <summary>
    /// Our one capability is lent: a process of the images keeps none, and has the users and groups that we have. The kernel would refuse most of the rest later; here it has a name.
    /// </summary>
    public static void CheckRights(List<RestoreTask> tasks, RestoreContext context)
    {
        var own = context.OwnCredentials;
        foreach (var task in tasks)
            foreach (var (tid, core) in task.Threads)
                if (task.IsZombie)
                    continue;
                else if (core.ThreadCore?.Creds is not { } creds)
                    throw Beyond(task, tid, "no credentials of its own");
                else if (new IdSet(creds.Uid, creds.Euid, creds.Suid, creds.Fsuid) != own.Uid)
                    throw Beyond(task, tid, $"the users {creds.Uid}, {creds.Euid}, {creds.Suid} and {creds.Fsuid}");
                else if (new IdSet(creds.Gid, creds.Egid, creds.Sgid, creds.Fsgid) != own.Gid || !creds.Groups.Order().SequenceEqual(own.Groups.Order()))
                    throw Beyond(task, tid, $"the groups {creds.Gid}, {creds.Egid}, {creds.Sgid}, {creds.Fsgid}; {string.Join(", ", creds.Groups)}");
                else if (creds.CapPrm.Concat(creds.CapEff).Concat(creds.CapInh).Concat(creds.CapAmb).Any(word => word != 0))
                    throw Beyond(task, tid, "capabilities");

        CheckpointException Beyond(RestoreTask task, int tid, string what) =>
            new($"{task}, thread {tid}: the images give it {what}, and user {own.Uid.Real} with the group {own.Gid.Real} asks for them", "Let root restore them") { ErrorNumber = Errno.EPERM };
    }

    /// <summary>Making a process with a wanted pid is a privilege.</summary>
    public static void CheckPrivilege(RestoreContext context)
    {
        ulong effective = context.OwnCredentials.CapEffective;
        if ((effective >> Capability.CHECKPOINT_RESTORE & 1) == 0 && (effective >> Capability.SYS_ADMIN & 1) == 0)
            throw new CheckpointException("not enough privilege to make processes with the pids of the images", "Run as root or with CAP_CHECKPOINT_RESTORE");
    }
}
