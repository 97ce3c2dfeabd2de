using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// The terminals of a restore, in this order:
///   1. the root makes each pair; the engine fetches it, fills it and gives it its settings;
///   2. each session leader takes its controlling terminal as it begins its session: children that are cloned later have it from it (setsid(2), ioctl_tty(2));
///   3. when there are process groups, one of them comes to the foreground;
///   4. each holder copies the master, opens the slaves;
///   5. what would have stood in the way: packet mode, exclusive mode, the lock; masters that go to the caller.
/// </summary>
internal sealed class TerminalRestore(RestoreContext context) : IRestoreStages
{
    /// <summary>Stands for the terminal of the shell among the inherited descriptors.</summary>
    public const string ShellKey = "the terminal of the caller";

    private const ulong OtherKey = 1UL << 32;

    private readonly SortedDictionary<ulong, RestoredTerminal> terminals = [];
    private readonly Dictionary<uint, TtyInfoEntry> infos = [];         // of the images, by id
    private readonly Dictionary<uint, byte[]> queues = [];              // what waits in sides, by id
    private FilePlan? plan;

    private IEnumerable<RestoredTerminal> MadeFirst => terminals.Values.Where(t => t.IsMadeFirst);

    public RestoredTerminal? TerminalOf(FileEntry entry) => entry.Tty is { } tty && infos.TryGetValue(tty.TtyInfoId, out var info) ? terminals.GetValueOrDefault(KeyOf(info)) : null;

    private static bool IsHung(TtyInfoEntry info) => info.Termios == null;

    private static ulong KeyOf(TtyInfoEntry info) => info.Type != TtyType.Pty ? OtherKey + info.Id : info.Pty.Index;

    private static bool IsMaster(TtyInfoEntry info) => info.Type == TtyType.Pty && TerminalDevice.IsMaster(info.Rdev);

    /// <summary>What is to be made, or why that cannot be; and with --shell-job, our own terminal.</summary>
    public void Load()
    {
        if (context.Options.ShellJob && TerminalIo.OwnTerminal() is >= 0 and var own)
            context.Inherited.Add(new InheritedDescriptor(own, ShellKey));
        foreach (var terminal in context.Images.ReadAll<TtyInfoEntry>(ImageKind.TtyInfo))
            infos[terminal.Id] = terminal;
        foreach (var queue in context.Images.ReadAll<TtyDataEntry>(ImageKind.TtyData))
            queues[queue.TtyId] = queue.Data.ToByteArray();
        foreach (var info in infos.Values)
            if (info.Type == TtyType.Unknown || info.Type == TtyType.Pty != (info.Pty != null))
                throw new CheckpointException($"tty-info.img: the terminal {info.Id} of type {info.Type} is not possible", "The image is damaged: take another dump");
        var byKey = infos.Values.ToLookup(KeyOf);
        foreach (var file in context.Files.Values)
            if (file.Tty is { } tty)
                Add(tty, byKey);
    }

    private void Add(TtyFileEntry file, ILookup<ulong, TtyInfoEntry> byKey)
    {
        if (!infos.TryGetValue(file.TtyInfoId, out var info))
            throw new CheckpointException($"file {file.Id} is the terminal {file.TtyInfoId}, which tty-info.img does not have", "The image directory is damaged: take another dump");
        ulong key = KeyOf(info);
        if (!terminals.TryGetValue(key, out var terminal))
        {
            var sides = byKey[key].ToList();
            terminals[key] = terminal = new RestoredTerminal(key, OriginOf(info, sides)) { MasterInfo = sides.Find(IsMaster), SlaveInfo = sides.Find(i => !IsMaster(i)) };
        }
        if (IsMaster(info))
            terminal.MasterFile = file;
        else
            terminal.Slaves.Add(file);
    }

    private TerminalOrigin OriginOf(TtyInfoEntry info, List<TtyInfoEntry> sides) => info.Type switch
    {
        TtyType.ExtTty => TerminalOrigin.Inherited,
        TtyType.Ctty => TerminalOrigin.Current,
        not TtyType.Pty => TerminalOrigin.Named,
        _ when IsHung(info) => TerminalOrigin.Hung,
        _ when sides.Exists(IsMaster) => TerminalOrigin.Pair,
        _ when context.Options.OrphanPtsMaster => TerminalOrigin.Orphan,
        _ when context.Options.ShellJob => TerminalOrigin.Inherited,
        _ => throw new CheckpointException($"/dev/pts/{info.Pty.Index} was a terminal of somebody outside the tree",
            "Restore from a terminal with --shell-job, or set orphan_pts_master in a request, and take what it hands over"),
    };

    public void Reserve(FilePlan plan)
    {
        this.plan = plan;
        foreach (var terminal in MadeFirst)
            (terminal.MasterPlace, terminal.SlavePlace) = (plan.Reserve(), plan.Reserve());
    }

    public Phase? AfterRoot => new("terminals", () => MakeAll(context.Tree[0]));

    private void MakeAll(RestoreTask root)
    {
        foreach (var terminal in MadeFirst)
            if (terminal.IsPair)
                new TerminalMaking(terminal, root, context).Run(QueueOf(terminal.SlaveInfo), QueueOf(terminal.MasterInfo));
            else
                Open(terminal.Slaves[0], root.Stream, terminal.SlavePlace);
    }

    private byte[] QueueOf(TtyInfoEntry? side) => side != null && queues.TryGetValue(side.Id, out byte[]? data) ? data : [];

    /// <summary>It takes its controlling terminal.</summary>
    public void BeginSession(RestoreTask leader)
    {
        foreach (var terminal in terminals.Values)
            if (terminal.Session == leader.Pid && PlaceToControl(terminal) is { } place)
                leader.Stream.Room(1).Call(Nr.ioctl, place, (long)TerminalCall.TIOCSCTTY, 0L);
    }

    private int? PlaceToControl(RestoredTerminal terminal) => terminal.Origin switch
    {
        TerminalOrigin.Current => null,
        // That of a shell has a session already.
        TerminalOrigin.Inherited => terminal.Info.Type == TtyType.ExtTty ? plan?.InheritedPlaceOf(InheritKey(terminal)) : null,
        _ => terminal.SlavePlace,
    };

    private static string InheritKey(RestoredTerminal terminal) => terminal.Info.Type == TtyType.ExtTty ? TerminalDevice.KeyOf(terminal.Info.Rdev, terminal.Info.Dev) : ShellKey;

    /// <summary>One process group comes to the foreground. One that has no member any more leaves its place to the leader.</summary>
    public void AfterProcesses()
    {
        foreach (var terminal in terminals.Values)
        {
            var leader = context.Tree.FirstOrDefault(t => t.Pid == terminal.Session && !t.IsZombie);
            if (leader == null || terminal.Foreground == 0 || PlaceToControl(terminal) is not { } place || !context.Tree.Any(t => t.ProcessGroup == terminal.Foreground && t.Session == leader.Pid))
                continue;
            var batch = leader.Stream.Room(1, sizeof(int));
            batch.Call(Nr.ioctl, place, (long)TerminalCall.TIOCSPGRP, batch.New(terminal.Foreground).Remote);
        }
        SetForegroundOfShell(context.Tree[0]);
        BatchStream.RunAll(context.Tree.Where(t => !t.IsZombie).Select(t => t.Stream).ToList());
    }

    /// <summary>As CRIU: on the terminal of a shell the restored job is in the foreground, or, where it is only a part of one, whoever called us.</summary>
    private void SetForegroundOfShell(RestoreTask root)
    {
        bool hasIt = terminals.Values.Any(t => t.Origin == TerminalOrigin.Inherited && InheritKey(t) == ShellKey);
        if (root.IsSessionLeader || !hasIt || plan?.InheritedPlaceOf(ShellKey) is not { } place)
            return;
        int group = root.ProcessGroup == root.Pid ? root.Pid : (int)Kernel.Call(Nr.getpgid, Kernel.Call(Nr.getppid));
        var batch = root.Stream.Room(1, sizeof(int));
        // It may be the terminal of another session.
        batch.Try(Nr.ioctl, place, (long)TerminalCall.TIOCSPGRP, batch.New(group).Remote);
    }

    public void Make(FileEntry entry, FileMaking making)
    {
        var file = entry.Tty;
        var terminal = TerminalOf(entry)!;
        if (terminal.Origin == TerminalOrigin.Inherited)
            MakeInherited(terminal, file, making);
        else if (file == terminal.MasterFile)
        {
            var batch = making.Stream.Room(6);
            var fd = batch.Call(Nr.dup, terminal.MasterPlace);
            batch.Call(Nr.fcntl, fd, Fcntl.F_SETFL, file.Flags);
            making.Place(batch, file.Id, fd, file.Fown);
        }
        else
        {
            var batch = making.Stream.Room(8, 512);
            var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes(NameOf(terminal, file)), file.Flags | Fcntl.O_NOCTTY);
            if (terminal.Origin == TerminalOrigin.Named)
                AddSettings(terminal, batch, fd);
            making.Place(batch, file.Id, fd, file.Fown);
        }
    }

    /// <summary>The terminal of the caller has its own window.</summary>
    private static void MakeInherited(RestoredTerminal terminal, TtyFileEntry file, FileMaking making)
    {
        if (making.InheritedPlaceOf(InheritKey(terminal)) is not { } place)
            throw terminal.Info.Type == TtyType.ExtTty
                ? new CheckpointException($"{terminal} was left outside at the dump", $"Give it with --inherit-fd fd[N]:{InheritKey(terminal)}")
                : new CheckpointException($"{making.Task} had a terminal, and the caller has none to give it", "Restore from a terminal with --shell-job");
        var batch = making.Stream.Room(7, 256);
        var fd = terminal.Info.Type == TtyType.ExtTty
            ? batch.Call(Nr.dup, place)
            : batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text($"/proc/self/fd/{place}"), file.Flags | Fcntl.O_NOCTTY);
        if (terminal.Settings is { } settings)
            batch.Call(Nr.ioctl, fd, (long)TerminalCall.TCSETS2, batch.Bytes(TerminalImages.ToBytes(TerminalImages.ToSettings(settings))));
        making.Place(batch, file.Id, fd, file.Fown);
    }

    private static void AddSettings(RestoredTerminal terminal, SyscallBatch batch, StepResult fd)
    {
        if (terminal.Info.Termios is { } settings)
            batch.Call(Nr.ioctl, fd, (long)TerminalCall.TCSETS2, batch.Bytes(TerminalImages.ToBytes(TerminalImages.ToSettings(settings))));
        if (terminal.Info.TermiosLocked is { } locked && !TerminalImages.IsNothing(locked))
            batch.Call(Nr.ioctl, fd, (long)TerminalCall.TIOCSLCKTRMIOS, batch.Bytes(TerminalImages.ToBytes(TerminalImages.ToSettings(locked))));
    }

    private void Open(TtyFileEntry file, BatchStream stream, int place)
    {
        var batch = stream.Room(3, 512);
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Bytes([.. context.RegularFile(file.RegfId).Name.Span, 0]), file.Flags | Fcntl.O_NOCTTY);
        batch.Call(Nr.dup3, fd, place, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, fd);
    }

    /// <summary>With its NUL.</summary>
    private byte[] NameOf(RestoredTerminal terminal, TtyFileEntry file)
    {
        if (terminal.IsPair && terminal.NewIndex != terminal.Index)
            return Kernel.CString($"/dev/pts/{terminal.NewIndex}");
        return file.HasRegfId ? [.. context.RegularFile(file.RegfId).Name.Span, 0]
            : terminal.IsPair ? Kernel.CString($"/dev/pts/{terminal.Index}") : throw new CheckpointException($"file {file.Id} is {terminal}, and the images have no path of it");
    }

    /// <summary>Everyone has opened what it had.</summary>
    public void AfterMaking(StageCalls listeners)
    {
        foreach (var terminal in terminals.Values)
        {
            if (terminal is { Origin: TerminalOrigin.Orphan, Master: { } master })
            {
                TerminalIo.SetFlags(master, Fcntl.O_RDWR);
                listeners.HandOver(master);
            }
            if (terminal is { IsPair: true, Origin: not TerminalOrigin.Hung })
                SetLast(terminal);
            terminal.Dispose();
        }
    }

    private static void SetLast(RestoredTerminal terminal)
    {
        var (master, slave) = (terminal.Master!, terminal.Slave);
        if (terminal.MasterInfo is { PacketMode: true })
            TerminalIo.Set(master, TerminalCall.TIOCPKT, 1);
        if (terminal.SlaveInfo is { Exclusive: true } && slave != null)
            TerminalIo.Tell(slave, TerminalCall.TIOCEXCL);
        if (terminal.MasterInfo is { Exclusive: true })
            TerminalIo.Tell(master, TerminalCall.TIOCEXCL);
        if (terminal.MasterInfo is { Locked: true })
            TerminalIo.Set(master, TerminalCall.TIOCSPTLCK, 1);
    }

    public void Dispose()
    {
        foreach (var terminal in terminals.Values)
            terminal.Dispose();
    }
}
