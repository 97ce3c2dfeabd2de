using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>How a terminal of the images is made again.</summary>
internal enum TerminalOrigin
{
    /// <summary>Both sides, as a pair; who has not both in the images has lost one.</summary>
    Pair,

    /// <summary>A pair whose master goes to the caller.</summary>
    Orphan,

    /// <summary>A pair whose master is closed at once, so that the other side hangs up.</summary>
    Hung,

    /// <summary>One that the caller gives: that of the shell, or one that was left outside.</summary>
    Inherited,

    /// <summary>One that is opened by its name: the console, a virtual terminal.</summary>
    Named,

    /// <summary>The controlling terminal of whoever opens it.</summary>
    Current,
}

/// <summary>
/// A terminal of a restore. A pair is made by the root before any other process, at two numbers that nobody wants and everyone who is cloned has; there its session gets it,
/// and there its holders copy it from.
/// </summary>
internal sealed class RestoredTerminal(ulong key, TerminalOrigin origin) : IDisposable
{
    public ulong Key => key;
    public TerminalOrigin Origin => origin;

    /// <summary>What the images say of each side.</summary>
    public TtyInfoEntry? MasterInfo { get; set; }
    public TtyInfoEntry? SlaveInfo { get; set; }

    public TtyFileEntry? MasterFile { get; set; }
    public List<TtyFileEntry> Slaves { get; } = [];

    /// <summary>Numbers in the root and everyone cloned from it. The second is that of a terminal that has one side only.</summary>
    public int MasterPlace { get; set; } = -1;
    public int SlavePlace { get; set; } = -1;

    /// <summary>Ours, until everything is made.</summary>
    public SafeFileHandle? Master { get; set; }
    public SafeFileHandle? Slave { get; set; }

    public TtyInfoEntry Info => MasterInfo ?? SlaveInfo!;

    public uint Index => Info.Pty.Index;

    /// <summary>Its number now.</summary>
    public uint NewIndex { get; set; }

    public bool IsPair => origin is TerminalOrigin.Pair or TerminalOrigin.Orphan or TerminalOrigin.Hung;

    /// <summary>Whether the root makes or opens it before all others.</summary>
    public bool IsMadeFirst => IsPair || origin == TerminalOrigin.Named && Session != 0;

    /// <summary>The session whose controlling terminal it is; 0 for none. The master of a pair knows it whoever is asked.</summary>
    public int Session => origin == TerminalOrigin.Hung ? 0 : (int)(MasterInfo is { Sid: not 0 } master ? master.Sid : SlaveInfo?.Sid ?? 0);

    public int Foreground => (int)(MasterInfo is { Sid: not 0 } master ? master.Pgrp : SlaveInfo?.Pgrp ?? 0);

    /// <summary>A pair whose slave was never opened has none now.</summary>
    public bool NeedsSlave => SlaveInfo != null || Session != 0;

    public TermiosEntry? Settings => SlaveInfo?.Termios ?? MasterInfo?.Termios;

    public void Dispose()
    {
        Master?.Dispose();
        Slave?.Dispose();
    }

    public override string ToString() => origin switch
    {
        TerminalOrigin.Current => "/dev/tty",
        _ when Info.Pty != null => $"the terminal /dev/pts/{Info.Pty.Index}",
        _ => $"the terminal {TerminalDevice.KeyOf(Info.Rdev, Info.Dev)} ({Info.Type})",
    };
}
