using Criu.Core.Engine;
using Criu.Images;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>The terminals of a dump: which sides of which pairs the tree holds, and what waits in them.</summary>
internal sealed class TerminalDump(DumpContext context)
{
    // What was written reaches the other side by a worker of the kernel: settings that change sooner would be those it comes under.
    private const int DeliveryMs = 20;

    private readonly Dictionary<(TtyType Type, ulong Device), uint> others = [];
    private readonly SortedDictionary<uint, DumpedPair> pairs = [];
    private readonly List<OpenFile> current = [];       // /dev/tty

    public FileEntry Dump(OpenFile file, uint id)
    {
        var entry = new TtyFileEntry { Id = id, Flags = file.Flags, Fown = file.ReadOwner() };
        var type = IsExternal(file) ? TtyType.ExtTty : TerminalDevice.TypeOf(file.Stat.SpecialDevice);
        using var terminal = file.Fetch();
        bool isHung = !TerminalIo.TryReadSettings(terminal, out var settings);
        entry.TtyInfoId = type == TtyType.Pty ? DumpSide(file, terminal, isHung ? null : settings) : DumpOther(file, terminal, type, isHung ? null : settings);
        if (type != TtyType.ExtTty)
            entry.RegfId = isHung && type == TtyType.Pty ? context.Files.AddGonePath(file) : context.Files.AddPath(file);
        return new FileEntry { Type = FdTypes.Tty, Id = id, Tty = entry };
    }

    private bool IsExternal(OpenFile file) => context.Options.External.Contains(TerminalDevice.KeyOf(file.Stat.SpecialDevice, file.Stat.Device));

    private uint DumpSide(OpenFile file, SafeFileHandle terminal, TerminalSettings? settings)
    {
        bool isMaster = TerminalDevice.IsMaster(file.Stat.SpecialDevice);
        uint index = isMaster ? (uint)TerminalIo.Read(terminal, TerminalCall.TIOCGPTN) : TerminalDevice.IndexOf(file.Stat.SpecialDevice);
        uint id = TerminalDevice.InfoOf(index, isMaster);
        if (settings != null)
        {
            if (!pairs.TryGetValue(index, out var pair))
                pairs.Add(index, pair = new DumpedPair(index));
            pair.Add(file, isMaster);
        }
        if (!context.Files.IsFirst(FdTypes.Tty, id))
            return id;
        var info = ReadInfo(file, terminal, settings, id, TtyType.Pty);
        info.Pty = new TtyPtyEntry { Index = index };
        if (isMaster)
        {
            (info.Sid, info.Pgrp) = ((uint)TerminalIo.Read(terminal, TerminalCall.TIOCGSID), (uint)Math.Max(TerminalIo.Read(terminal, TerminalCall.TIOCGPGRP), 0));
            (info.Locked, info.PacketMode) = (TerminalIo.Read(terminal, TerminalCall.TIOCGPTLCK) != 0, TerminalIo.Read(terminal, TerminalCall.TIOCGPKT) != 0);
            DemandSession(file, (int)info.Sid);
        }
        context.Writer(ImageKind.TtyInfo).Write(info);
        return id;
    }

    private uint DumpOther(OpenFile file, SafeFileHandle terminal, TtyType type, TerminalSettings? settings)
    {
        if (settings == null)
            throw context.Refuse(file.Task, $"{file} is hung up");
        var key = (type, type == TtyType.Ctty ? 0 : file.Stat.SpecialDevice);
        if (type == TtyType.Ctty)
            current.Add(file);
        if (others.TryGetValue(key, out uint id))
            return id;
        uint before = (uint)others.Keys.Count(other => other.Type == type);
        others[key] = id = TerminalDevice.InfoOf(type, before, (uint)others.Count);
        context.Writer(ImageKind.TtyInfo).Write(ReadInfo(file, terminal, settings, id, type));
        return id;
    }

    /// <summary>The session is that of a process of the tree whose controlling terminal this is.</summary>
    private TtyInfoEntry ReadInfo(OpenFile file, SafeFileHandle terminal, TerminalSettings? settings, uint id, TtyType type)
    {
        const byte Ordinary = 0;                        // N_TTY
        var owner = type == TtyType.Ctty ? file.Task : context.Tree.FirstOrDefault(t => !t.IsZombie && settings != null && t.Stat.Tty == (uint)file.Stat.SpecialDevice);
        var info = new TtyInfoEntry
        {
            Id = id, Type = type, Locked = false, Exclusive = false, PacketMode = false, Rdev = (uint)file.Stat.SpecialDevice, Dev = (uint)file.Stat.Device,
            Sid = (uint)(owner?.Stat.Session ?? 0), Pgrp = (uint)Math.Max(owner?.Stat.TerminalProcessGroup ?? 0, 0), Uid = file.Stat.Uid, Gid = file.Stat.Gid,
        };
        if (settings is not { } known)
            return info;
        if (known.Line != Ordinary)
            throw context.Refuse(file.Task, $"{file} is a terminal with the line discipline {known.Line}");
        info.Exclusive = TerminalIo.Read(terminal, TerminalCall.TIOCGEXCL) != 0;
        info.Termios = TerminalImages.ToEntry(known);
        info.TermiosLocked = TerminalImages.ToEntry(TerminalIo.ReadLocked(terminal));
        info.Winsize = TerminalImages.ToEntry(TerminalIo.ReadSize(terminal));
        return info;
    }

    private void DemandSession(OpenFile master, int session)
    {
        if (session != 0 && !context.Options.ShellJob && !context.Tree.Any(t => t.Pid == session))
            throw context.Refuse(master.Task, $"{master}: its other side is the terminal of the session {session}, whose leader is outside the tree");
    }

    /// <summary>When all descriptors are known: whose other side is outside.</summary>
    public void Check()
    {
        var alone = pairs.Values.Where(p => p.Master == null).ToList();
        if (alone.Count > 0 && !context.Options.ShellJob && !context.Options.OrphanPtsMaster)
            throw new CheckpointException($"{alone[0].Slave} is a terminal of somebody outside the tree",
                "Add --shell-job, start the program with its input and output redirected, or set orphan_pts_master in a request");
        if (alone.Count > 1)
            throw context.Refuse(alone[1].Slave!.Task, $"{alone[0].Slave} and {alone[1].Slave} are two terminals whose other sides are outside the tree");
        foreach (var file in current)
            if (!context.Options.ShellJob && !pairs.Values.Any(p => p.Slave != null && p.Slave.Stat.SpecialDevice == file.Task.Stat.Tty))
                throw context.Refuse(file.Task, $"{file} is its controlling terminal, which it holds by no other name");
    }

    /// <summary>What waits in pairs. The guard puts their settings back, should the engine end meanwhile.</summary>
    public void SaveQueues(Guard guard)
    {
        foreach (var pair in pairs.Values)
            if (pair.Master is { } file)
            {
                using var master = file.Fetch();
                bool isClosed = (TerminalIo.Look(master, Poll.POLLIN) & Poll.POLLHUP) != 0;
                if (isClosed && pair.Slave == null)
                    WriteClosed(pair, file, master);
                if (isClosed || pair.Slave != null)
                    SaveQueue(pair, master, guard.NewPledge());
            }
    }

    /// <summary>An entry for a side that was opened and closed, and that no file refers to: a master knows the difference from one that was never opened.</summary>
    private void WriteClosed(DumpedPair pair, OpenFile file, SafeFileHandle master)
    {
        TerminalIo.TryReadSettings(master, out var settings);
        var info = ReadInfo(file, master, settings, TerminalDevice.InfoOf(pair.Index, isMaster: false), TtyType.Pty);
        (info.Sid, info.Pgrp, info.Exclusive, info.Rdev, info.Pty) = (0, 0, false, TerminalDevice.SlaveOf(pair.Index), new TtyPtyEntry { Index = pair.Index });
        context.Writer(ImageKind.TtyInfo).Write(info);
    }

    /// <summary>
    /// What is taken out is the guard's: it puts it back, should the engine end before it has done so. Its calls must not wait, so neither side does meanwhile.
    /// </summary>
    private void SaveQueue(DumpedPair pair, SafeFileHandle master, Pledge pledge)
    {
        TerminalIo.TryReadSettings(master, out var settings);           // of the slave: a master has none that can be asked for
        bool isPackets = TerminalIo.Read(master, TerminalCall.TIOCGPKT) != 0;
        using var slave = TerminalIo.OpenSlave(master);
        int masterCopy = pledge.Fetch(pair.Master!.Holder.Pid, [pair.Master.Fd])[0], slaveCopy = pledge.Fetch(Environment.ProcessId, [slave.Fd()])[0];
        var typed = pledge.NewQueue(slaveCopy, masterCopy);
        var written = pledge.NewQueue(masterCopy, slaveCopy);
        pledge.Add(
        [
            PledgedCall.Pause(DeliveryMs), Settings(masterCopy, TerminalQueue.Bare(settings)), PledgedCall.Return(typed), PledgedCall.Return(written),
            PledgedCall.Pause(DeliveryMs), Settings(masterCopy, settings), Packets(masterCopy, isPackets), PledgedCall.SetFlags(masterCopy, pair.Master.Flags), PledgedCall.Close(slaveCopy),
        ]);
        TerminalIo.SetFlags(master, (int)pair.Master.Flags | Fcntl.O_NONBLOCK);
        TerminalIo.Set(master, TerminalCall.TIOCPKT, 0);
        int inLines = TerminalIo.Read(slave, TerminalCall.FIONREAD);
        pledge.Take([Settings(masterCopy, TerminalQueue.Raw(settings))], pair.Slave != null ? [typed, written] : [written]);
        byte[] output = written.ToArray(), input = TerminalQueue.ToTyped(typed.ToArray(), settings, inLines);
        PutBack(pair, input, output);
        TerminalIo.SetSettings(slave, settings);
        TerminalIo.Set(master, TerminalCall.TIOCPKT, isPackets ? 1 : 0);
        TerminalIo.SetFlags(master, (int)pair.Master.Flags);
        pledge.Drop();
        pledge.PutBack([PledgedCall.Close(slaveCopy), PledgedCall.Close(masterCopy)], []);
        Write(TerminalDevice.InfoOf(pair.Index, isMaster: false), input);
        Write(TerminalDevice.InfoOf(pair.Index, isMaster: true), output);

        void PutBack(DumpedPair pair, byte[] input, byte[] output)
        {
            byte[] ended = TerminalQueue.WithStop(input, settings, out var bare);
            List<PledgedCall> calls = [Settings(masterCopy, TerminalQueue.Bare(settings)), .. Pieces(slaveCopy, output)];
            int outputCalls = calls.Count;
            if (input.Length > 0)
                calls.AddRange([Settings(masterCopy, bare), Packets(masterCopy, true), .. Pieces(masterCopy, ended)]);
            long[] results = pledge.PutBack(calls, [typed, written]);
            int lost = TerminalQueue.WriteAll(slave, slave, output.AsSpan(Written(results.AsSpan(1, outputCalls - 1))));
            if (input.Length > 0)
            {
                lost += TerminalQueue.WriteAll(master, slave, ended.AsSpan(Written(results.AsSpan(outputCalls + 2))));
                TerminalQueue.AwaitTyped(master, slave, settings, bare, input.Length);
            }
            if (lost > 0)
                context.Log.LogWarning("{Bytes} bytes that waited in {Terminal} found no room again: they are in the images, and no longer in the terminal", lost, pair.Master);
        }
    }

    /// <summary>What the line discipline has room for goes there from the buffer below it: then as much fits as had before.</summary>
    private static PledgedCall[] Pieces(int copy, byte[] data)
    {
        const int PauseMs = 50;
        return data.Length <= TerminalQueue.KeptBytes ? [PledgedCall.Write(copy, data)]
            : [PledgedCall.Write(copy, data.AsSpan(0, TerminalQueue.KeptBytes)), PledgedCall.Pause(PauseMs), PledgedCall.Write(copy, data.AsSpan(TerminalQueue.KeptBytes))];
    }

    /// <summary>Of the answers to <see cref="Pieces"/>; a pause answers 0, and what did not fit -EAGAIN.</summary>
    private static int Written(ReadOnlySpan<long> results)
    {
        long bytes = 0;
        foreach (long result in results)
            bytes += Math.Max(result, 0);
        return (int)bytes;
    }

    private static PledgedCall Settings(int copy, TerminalSettings settings) => PledgedCall.Ioctl(copy, TerminalCall.TCSETS2, TerminalImages.ToBytes(settings));

    private static PledgedCall Packets(int copy, bool isOn) => PledgedCall.Ioctl(copy, TerminalCall.TIOCPKT, TerminalImages.ToBytes(isOn ? 1 : 0));

    private void Write(uint id, byte[] data)
    {
        if (data.Length > 0)
            context.Writer(ImageKind.TtyData).Write(new TtyDataEntry { TtyId = id, Data = Google.Protobuf.ByteString.CopyFrom(data) });
    }
}

/// <summary>A pair of which the tree holds a side at least.</summary>
internal sealed class DumpedPair(uint index)
{
    public uint Index => index;

    public OpenFile? Master { get; private set; }

    /// <summary>The first of them.</summary>
    public OpenFile? Slave { get; private set; }

    public void Add(OpenFile file, bool isMaster)
    {
        if (isMaster)
            Master = file;
        else if (Slave != null && Slave.Stat.Device != file.Stat.Device)
            throw new CheckpointException($"{file} and {Slave} have one number in two instances of devpts; this is not supported yet", "It runs on, nothing was changed");
        else
            Slave ??= file;
    }
}
