using Criu.Images;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>Writes the entries that were collected: one image or more for each process, a few for the tree, the inventory.</summary>
internal sealed class DumpImages(DumpContext context)
{
    private const uint OwnCgroupSet = 1;

    public void Write(List<DumpTask> tasks)
    {
        WriteTree(tasks);
        var tables = new HashSet<uint>();
        foreach (var task in tasks)
            if (task.IsZombie)
                WriteZombie(task);
            else
                WriteTask(task, isFirstOfTable: tables.Add(task.Ids.FilesId));
        context.Images.WriteSingle(ImageKind.Seccomp, 0, new SeccompEntry());
        context.Images.WriteSingle(ImageKind.Timens, 0, ReadClocks());
        WriteInventory();
    }

    private void WriteTree(List<DumpTask> tasks)
    {
        using var writer = context.Images.CreateImage(ImageKind.Pstree);
        foreach (var task in tasks)
        {
            var entry = new PstreeEntry
            {
                Pid = (uint)task.Pid, Ppid = (uint)(task.Parent?.Pid ?? 0), Pgid = (uint)task.Stat.ProcessGroup, Sid = (uint)task.Stat.Session,
            };
            if (task.IsZombie)
                entry.Threads.Add((uint)task.Pid);
            foreach (var thread in task.Threads)
                entry.Threads.Add((uint)thread.Tid);
            writer.Write(entry);
        }
    }

    private void WriteZombie(DumpTask task)
    {
        var tc = task.Core.Tc;
        (tc.TaskState, tc.ExitCode, tc.Personality, tc.Flags, tc.BlkSigset) = (TaskState.Dead, (uint)task.Stat.ExitCode, 0, 0, 0);
        tc.Comm = ByteString.CopyFrom(task.Stat.Comm.Span);
        context.Images.WriteSingle(ImageKind.Core, (ulong)task.Pid, task.Core);
    }

    private void WriteTask(DumpTask task, bool isFirstOfTable)
    {
        foreach (var thread in task.Threads)
        {
            thread.Core.ThreadCore.CgSet = OwnCgroupSet;
            context.Images.WriteSingle(ImageKind.Core, (ulong)thread.Tid, thread.Core);
        }
        ulong pid = (ulong)task.Pid;
        context.Images.WriteSingle(ImageKind.Ids, pid, task.Ids);
        context.Images.WriteSingle(ImageKind.Mm, pid, task.Mm);
        context.Images.WriteSingle(ImageKind.Fs, pid, task.Fs);
        if (!isFirstOfTable)
            return;
        using var descriptors = context.Images.CreateImage(ImageKind.Fdinfo, task.Ids.FilesId);
        foreach (var descriptor in task.Descriptors)
            descriptors.Write(descriptor);
    }

    /// <summary>What a time namespace of the restored tree would have to add.</summary>
    private static TimensEntry ReadClocks()
    {
        const int Monotonic = 1, BootTime = 7;
        return new TimensEntry { Monotonic = ReadClock(Monotonic), Boottime = ReadClock(BootTime) };
    }

    private static unsafe Timespec ReadClock(int clock)
    {
        long* time = stackalloc long[2];
        Kernel.Call(Nr.clock_gettime, clock, (long)time);
        return new Timespec { TvSec = (ulong)time[0], TvNsec = (ulong)time[1] };
    }

    private void WriteInventory()
    {
        var inventory = new InventoryEntry
        {
            ImgVersion = 2, FdinfoPerId = true, NsPerId = true, RootIds = IdTables.Own(), RootCgSet = OwnCgroupSet, Lsmtype = Lsmtype.NoLsm,
            PluginsEntry = new PluginsEntry(), DumpCriuRunId = ByteString.CopyFromUtf8(context.RunId),
        };
        foreach (var kind in context.Kinds)
            kind.Describe(inventory);
        context.Images.WriteSingle(ImageKind.Inventory, 0, inventory);
    }
}
