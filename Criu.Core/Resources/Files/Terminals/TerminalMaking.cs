using Criu.Core.Engine;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>Makes one pair in the root, under its old number.</summary>
internal sealed class TerminalMaking(RestoredTerminal terminal, RestoreTask root, RestoreContext context)
{
    private const int Attempts = 10;                    // others may open terminals meanwhile

    public void Run(byte[] input, byte[] output)
    {
        if (!TryMake(terminal.Index))
        {
            if (terminal.Origin == TerminalOrigin.Pair)
                throw new CheckpointException($"{terminal} cannot be made again: its number is taken", $"End who has /dev/pts/{terminal.Index} open, or restore in a mount namespace with a devpts of its own");
            MakeAny();
        }
        Fetch();
        int lost = TerminalQueue.Fill(terminal.Master!, terminal.Slave ?? terminal.Master!, Settings, terminal.Slave != null ? input : [], terminal.Slave != null ? output : []);
        if (lost > 0)
            context.Log.LogWarning("{Bytes} bytes that waited in {Terminal} found no room", lost, terminal.ToString());
        SetUp();
    }

    private TerminalSettings Settings => terminal.Settings is { } settings ? TerminalImages.ToSettings(settings) : default;

    /// <summary>
    /// The kernel gives the lowest number that is free (devpts_new_index): all below the wanted one are held by us for a moment, so it is next.
    /// </summary>
    private bool TryMake(uint index)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            var held = new List<SafeFileHandle>();
            try
            {
                if (!HoldBelow(index, held))
                    return false;
                Make();
                if (terminal.NewIndex == index)
                    return true;
            }
            finally
            {
                held.ForEach(h => h.Dispose());
            }
        }
        return false;
    }

    private bool HoldBelow(uint index, List<SafeFileHandle> held)
    {
        while (true)
        {
            long opened = Kernel.Open($"/proc/{root.Pid}/root{MasterName}", Fcntl.O_RDWR | Fcntl.O_NOCTTY);
            if (Kernel.Failed(opened))
                throw new CheckpointException($"{terminal} cannot be made: {MasterName} cannot be opened: {Errno.Name(opened)}");
            var master = Kernel.Own(opened);
            uint number = (uint)TerminalIo.Read(master, TerminalCall.TIOCGPTN);
            if (number < index)
                held.Add(master);
            else
            {
                master.Dispose();
                return number == index;
            }
        }
    }

    /// <summary>Another number than at the dump.</summary>
    private void MakeAny()
    {
        Make();
        context.Log.LogWarning("{Terminal} is /dev/pts/{Number} now: its number was taken", terminal.ToString(), terminal.NewIndex);
    }

    private string MasterName => terminal.MasterFile is { HasRegfId: true } file ? context.RegularFile(file.RegfId).Name.ToStringUtf8() : "/dev/ptmx";

    private void Make()
    {
        int access = terminal.MasterFile is { } file ? (int)(file.Flags & (uint)Fcntl.O_ACCMODE) : Fcntl.O_RDWR;
        var batch = root.Stream.Room(9, 128 + MasterName.Length);
        var master = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text(MasterName), access | Fcntl.O_NOCTTY | Fcntl.O_NONBLOCK);
        var number = batch.New<int>();
        batch.Call(Nr.ioctl, master, (long)TerminalCall.TIOCGPTN, number.Remote);
        batch.Call(Nr.ioctl, master, (long)TerminalCall.TIOCSPTLCK, batch.New<int>().Remote);
        batch.Call(Nr.dup3, master, terminal.MasterPlace, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, master);
        if (terminal.NeedsSlave)
        {
            var slave = batch.Call(Nr.ioctl, terminal.MasterPlace, (long)TerminalCall.TIOCGPTPEER, Fcntl.O_RDWR | Fcntl.O_NOCTTY | Fcntl.O_NONBLOCK);
            batch.Call(Nr.dup3, slave, terminal.SlavePlace, Fcntl.O_CLOEXEC);
            batch.Call(Nr.close, slave);
        }
        root.Stream.AfterRun(() => terminal.NewIndex = (uint)number.Value);
        root.Stream.Run();
    }

    private void Fetch()
    {
        using var process = Kernel.Own(TerminalIo.Demand(Kernel.Call(Nr.pidfd_open, root.Pid), "pidfd_open of the root for the sake"));
        terminal.Master = Kernel.Own(TerminalIo.Demand(Kernel.Call(Nr.pidfd_getfd, process.Fd(), terminal.MasterPlace), "pidfd_getfd"));
        if (terminal.NeedsSlave)
            terminal.Slave = Kernel.Own(TerminalIo.Demand(Kernel.Call(Nr.pidfd_getfd, process.Fd(), terminal.SlavePlace), "pidfd_getfd"));
    }

    /// <summary>A master sets what its slave has.</summary>
    private void SetUp()
    {
        if (terminal.Settings != null)
            TerminalIo.SetSettings(terminal.Master!, Settings);
        var any = terminal.SlaveInfo ?? terminal.MasterInfo!;
        if (any.TermiosLocked is { } locked && !TerminalImages.IsNothing(locked))
            TerminalIo.SetLocked(terminal.Master!, TerminalImages.ToSettings(locked));
        if (any.Winsize is { } size)
            TerminalIo.SetSize(terminal.Master!, TerminalImages.ToSize(size));
        if (terminal is { SlaveInfo: { } info, Slave: { } slave })
            SetOwner(slave, info);
    }

    private void SetOwner(SafeFileHandle slave, TtyInfoEntry info)
    {
        var now = OpenFile.StatOf(slave);
        if (info is { HasUid: true, HasGid: true } && (now.Uid, now.Gid) != (info.Uid, info.Gid))
            TerminalIo.Demand(Kernel.Call(Nr.fchown, slave.Fd(), info.Uid, info.Gid), $"fchown to {info.Uid}:{info.Gid}");
        const uint Permissions = 0xfff;
        if (terminal.Slaves.Find(s => s.HasRegfId) is { } file && context.RegularFile(file.RegfId) is { HasMode: true } reg && ((now.Mode ^ reg.Mode) & Permissions) != 0)
            TerminalIo.Demand(Kernel.Call(Nr.fchmod, slave.Fd(), reg.Mode & Permissions), "fchmod");
    }
}
