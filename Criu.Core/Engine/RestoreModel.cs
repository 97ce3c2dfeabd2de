using Criu.Core.Memory;
using Criu.Core.Resources.Files;
using Criu.Images;
using Criu.Images.Proto;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>Reads the images of a tree and refuses, before any process is made, what cannot be restored.</summary>
internal sealed class RestoreModel(RestoreContext context)
{
    private readonly Dictionary<uint, RestoreTask> tables = [];

    /// <summary>Parents before their children.</summary>
    public List<RestoreTask> Tasks { get; } = [];

    public RestoreTask Root => Tasks[0];

    public void Load()
    {
        CheckInventory(context.Images.ReadSingle<InventoryEntry>(ImageKind.Inventory));
        var byPid = new Dictionary<uint, RestoreTask>();
        foreach (var entry in context.Images.ReadAll<PstreeEntry>(ImageKind.Pstree))
            AddTask(entry, byPid);
        if (Tasks.Count == 0)
            throw new CheckpointException($"the images in {context.Images.Location} hold no process", "The directory is not a complete dump");
        context.Tree = Tasks;
        foreach (var file in context.Images.ReadAll<FileEntry>(ImageKind.Files))
            context.Files[file.Id] = file;
        foreach (var kind in context.Kinds)
            kind.Load();
        foreach (var task in Tasks)
            if (!task.IsZombie)
                LoadTask(task);
    }

    private void CheckInventory(InventoryEntry inventory)
    {
        context.Inventory = inventory;
        if (inventory.HasLsmtype && inventory.Lsmtype != Lsmtype.NoLsm)
            context.Log.LogWarning("The dump was made under {Lsm}: security labels are not restored", inventory.Lsmtype);
    }

    private void AddTask(PstreeEntry entry, Dictionary<uint, RestoreTask> byPid)
    {
        if (entry.Ppid != 0 && !byPid.ContainsKey(entry.Ppid) || entry.Ppid == 0 && Tasks.Count > 0)
            throw new CheckpointException($"pid {entry.Pid} in the images has the parent {entry.Ppid}, which the images do not have before it");
        var parent = entry.Ppid == 0 ? null : byPid[entry.Ppid];
        var core = context.Images.ReadSingle<CoreEntry>(ImageKind.Core, entry.Pid);
        if (core.Tc == null)
            throw new CheckpointException($"core-{entry.Pid}.img has no entry for the process");
        CheckArchitecture(core, entry.Pid);
        var task = new RestoreTask(context, entry, parent) { Core = core };
        if (!byPid.TryAdd(entry.Pid, task))
            throw new CheckpointException($"pid {entry.Pid} stands twice in the images");
        Tasks.Add(task);
        parent?.Children.Add(task);
        task.Threads.Add((task.Pid, core));
        if (!task.IsZombie)
            LoadThreads(task, entry);
    }

    private static void CheckArchitecture(CoreEntry core, uint pid)
    {
        if (core.Mtype != CoreEntry.Types.March.X8664)
            throw new CheckpointException($"pid {pid} was dumped on {core.Mtype}, this machine is X86_64", "Restore on a machine of that architecture");
        if (core.ThreadInfo is { Gpregs.Mode: UserX86RegsMode.Compat })
            throw new CheckpointException($"pid {pid} is a 32-bit process; this is not supported yet");
    }

    private void LoadThreads(RestoreTask task, PstreeEntry entry)
    {
        foreach (uint tid in entry.Threads)
            if (tid != entry.Pid)
            {
                var core = context.Images.ReadSingle<CoreEntry>(ImageKind.Core, tid);
                CheckArchitecture(core, tid);
                task.Threads.Add(((int)tid, core));
            }
        foreach (var (tid, core) in task.Threads)
            if (core.ThreadInfo == null || core.ThreadCore == null)
                throw new CheckpointException($"core-{tid}.img has no registers or no entry for the thread");
            else if (core.ThreadCore.HasSeccompMode && core.ThreadCore.SeccompMode != SeccompMode.Disabled)
                throw new CheckpointException($"thread {tid} of {task} was under seccomp; restoring that is not supported yet");
    }

    private void LoadTask(RestoreTask task)
    {
        ulong pid = (ulong)task.Pid;
        task.Mm = context.Images.ReadSingle<MmEntry>(ImageKind.Mm, pid);
        for (int last = task.Mm.Vmas.Count - 1; last >= 0 && (task.Mm.Vmas[last].Status & VmaStatus.Guard) != 0; last--)
        {
            task.Guards.Add(task.Mm.Vmas[last]);
            task.Mm.Vmas.RemoveAt(last);
        }
        task.Fs = context.Images.ReadSingle<FsEntry>(ImageKind.Fs, pid);
        task.Ids = context.Images.ReadSingle<TaskKobjIdsEntry>(ImageKind.Ids, pid);
        RestoreChecks.CheckMappings(task);
        RestoreChecks.CheckNamespaces(task, Root.Ids, context.Images);
        if (tables.TryGetValue(task.Ids.FilesId, out var owner))
        {
            if (!IsAbove(owner, task))
                throw new CheckpointException($"{task} shares its descriptor table with {owner}, which is none of its ancestors; this is not supported yet");
            task.OwnsDescriptors = false;
            return;
        }
        tables.Add(task.Ids.FilesId, task);
        task.Descriptors = context.Images.ReadAll<FdinfoEntry>(ImageKind.Fdinfo, task.Ids.FilesId);
    }

    private static bool IsAbove(RestoreTask ancestor, RestoreTask task)
    {
        for (var above = task.Parent; above != null; above = above.Parent)
            if (above == ancestor)
                return true;
        return false;
    }
}
