namespace Linux.Abi;

/// <summary>ioctl_tty(2), asm-generic/ioctls.h: what is asked of and told to a terminal.</summary>
internal static class TerminalCall
{
    public const uint TCGETS2 = 0x802c542a, TCSETS2 = 0x402c542b, TIOCGLCKTRMIOS = 0x5456, TIOCSLCKTRMIOS = 0x5457;
    public const uint TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TCXONC = 0x540a, FIONREAD = 0x541b;
    public const uint TIOCSCTTY = 0x540e, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410, TIOCGSID = 0x5429;
    public const uint TIOCGEXCL = 0x80045440, TIOCEXCL = 0x540c, TIOCNXCL = 0x540d;

    /// <summary>Of a master.</summary>
    public const uint TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431, TIOCGPTLCK = 0x80045439, TIOCPKT = 0x5420, TIOCGPKT = 0x80045438, TIOCGPTPEER = 0x5441;
}

/// <summary>termios(3), asm-generic/termbits.h.</summary>
internal static class TerminalBits
{
    public const uint IXON = 0x400, IUTF8 = 0x4000;
    public const uint CBAUD = 0x100f, BOTHER = 0x1000;
    public const uint ICANON = 2, IEXTEN = 0x8000;
    public const int VINTR = 0, VQUIT = 1, VERASE = 2, VKILL = 3, VEOF = 4, VTIME = 5, VMIN = 6, VSTART = 8, VSTOP = 9, VSUSP = 10, VEOL = 11, VREPRINT = 12, VWERASE = 14, VLNEXT = 15, VEOL2 = 16;
    public const int TCOOFF = 0, TCOON = 1;
    public const int NCCS = 19;
}

/// <summary>struct termios2, asm-generic/termbits.h; struct termios is its first 36 bytes.</summary>
internal unsafe struct TerminalSettings
{
    public uint Input, Output, Control, Local;
    public byte Line;
    public fixed byte Characters[TerminalBits.NCCS];
    public uint InputSpeed, OutputSpeed;
}

/// <summary>struct winsize, asm-generic/termios.h.</summary>
internal struct WindowSize
{
    public ushort Rows, Columns, Width, Height;
}
