using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>
/// Which processes share memory, descriptor table, directories and signal handlers, and which namespaces they live in. Numbers begin with 1 for the engine's own, so
/// that "as the engine" can be told from the images.
/// </summary>
internal sealed class IdTables
{
    public static readonly string[] NamespaceLinks = ["pid", "net", "ipc", "uts", "time", "mnt", "user", "cgroup", "pid_for_children", "time_for_children"];

    private readonly ObjectIds memory = new(Kcmp.VM, 2), files = new(Kcmp.FILES, 2), directories = new(Kcmp.FS, 2), handlers = new(Kcmp.SIGHAND, 2);

    public void Assign(List<DumpTask> tasks, DumpContext context)
    {
        var seen = new Dictionary<uint, DumpTask>();
        foreach (var task in tasks)
        {
            if (task.IsZombie)
                continue;
            task.Ids = Namespaces();
            (task.Ids.VmId, task.Ids.FilesId) = (memory.Of(task.Pid), files.Of(task.Pid));
            (task.Ids.FsId, task.Ids.SighandId) = (directories.Of(task.Pid), handlers.Of(task.Pid));
            if (!seen.TryAdd(task.Ids.VmId, task))
                throw context.Refuse(task, $"it shares its memory with {seen[task.Ids.VmId]}");
        }
    }

    /// <summary>The engine's: every process of the tree lives in the same namespaces, which was checked.</summary>
    public static TaskKobjIdsEntry Own()
    {
        var ids = Namespaces();
        ids.VmId = ids.FilesId = ids.FsId = ids.SighandId = 1;
        return ids;
    }

    private static TaskKobjIdsEntry Namespaces() => new()
    {
        PidNsId = 1, NetNsId = 2, IpcNsId = 3, UtsNsId = 4, TimeNsId = 5, MntNsId = 6, UserNsId = 7, CgroupNsId = 8,
    };
}
