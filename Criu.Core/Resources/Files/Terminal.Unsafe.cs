using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// A terminal that belongs to a shell outside the tree (--shell-job): its settings are dumped, and at the restore the terminal of the caller takes its place. A terminal
/// whose other side lives in the tree is not supported yet.
/// </summary>
internal sealed unsafe class Terminal : IFileKind
{
    public const string InheritKey = "the terminal of the caller";

    private const int TCGETS2 = unchecked((int)0x802c542a), TCSETS = 0x5402, TIOCGWINSZ = 0x5413, ControlCharacters = 19;
    private const uint FirstSlaveMajor = 136, LastSlaveMajor = 143;    // /dev/pts

    public FdTypes Type => FdTypes.Tty;

    public bool Matches(OpenFile file) => file.Stat.Kind == Stat.S_IFCHR && (file.Stat.SpecialDevice >> 8 & 0xfff) is >= FirstSlaveMajor and <= LastSlaveMajor;

    public FileEntry Dump(OpenFile file, uint id, DumpContext context)
    {
        if (!context.Options.ShellJob)
            throw new CheckpointException($"{file} is a terminal of somebody outside the tree", "Add --shell-job, or start the program with its input and output redirected");
        uint path = context.Files.AddPath(file);
        uint info = IndexOf(file) + 1;
        if (context.Files.IsFirst(FdTypes.Tty, file.Stat.SpecialDevice))
            context.Writer(ImageKind.TtyInfo).Write(ReadInfo(file, info));
        return new FileEntry { Type = FdTypes.Tty, Id = id, Tty = new TtyFileEntry { Id = id, TtyInfoId = info, Flags = file.Flags, Fown = file.ReadOwner(), RegfId = path } };
    }

    /// <summary>The number in /dev/pts: the minor of the device.</summary>
    private static uint IndexOf(OpenFile file) => (uint)(KernelDevice.FromStat(file.Stat.SpecialDevice) & 0xfffff);

    private static TtyInfoEntry ReadInfo(OpenFile file, uint id)
    {
        using var terminal = file.Fetch();
        var info = new TtyInfoEntry
        {
            Id = id, Type = TtyType.Pty, Locked = false, Exclusive = false, PacketMode = false, Rdev = (uint)file.Stat.SpecialDevice,
            Sid = (uint)file.Task.Stat.Session, Pgrp = (uint)Math.Max(file.Task.Stat.TerminalProcessGroup, 0),
            Pty = new TtyPtyEntry { Index = IndexOf(file) }, Dev = (uint)file.Stat.Device, Uid = file.Stat.Uid, Gid = file.Stat.Gid,
        };
        ReadSettings(terminal, info);
        return info;
    }

    private static void ReadSettings(SafeFileHandle terminal, TtyInfoEntry info)
    {
        TermiosData settings;
        ushort* size = stackalloc ushort[4];
        if (!Kernel.Failed(Kernel.Call(Nr.ioctl, terminal.Fd(), TCGETS2, (long)(&settings))))
        {
            info.Termios = new TermiosEntry
            {
                CIflag = settings.Input, COflag = settings.Output, CCflag = settings.Control, CLflag = settings.Local, CLine = settings.Line,
                CIspeed = settings.InputSpeed, COspeed = settings.OutputSpeed,
            };
            AddCharacters(info.Termios, new ReadOnlySpan<byte>(settings.Characters, ControlCharacters));
        }
        if (!Kernel.Failed(Kernel.Call(Nr.ioctl, terminal.Fd(), TIOCGWINSZ, (long)size)))
            info.Winsize = new WinsizeEntry { WsRow = size[0], WsCol = size[1], WsXpixel = size[2], WsYpixel = size[3] };
    }

    /// <summary>The image has a word for each character, and the characters lie side by side in the first of them.</summary>
    private static void AddCharacters(TermiosEntry entry, ReadOnlySpan<byte> characters)
    {
        Span<uint> words = stackalloc uint[ControlCharacters];
        characters.CopyTo(MemoryMarshal.AsBytes(words));
        foreach (uint word in words)
            entry.CCc.Add(word);
    }

    public void Make(IReadOnlyList<FileEntry> group, FileMaking making)
    {
        var entry = group[0].Tty;
        if (making.InheritedPlaceOf(InheritKey) is not { } place)
            throw new CheckpointException($"{making.Task} had a terminal, and the caller has none to give it", "Restore from a terminal with --shell-job");
        var batch = making.Stream.Room(6, 160);
        var fd = batch.Call(Nr.openat, Fcntl.AT_FDCWD, batch.Text($"/proc/self/fd/{place}"), entry.Flags | Fcntl.O_NOCTTY);
        if (making.Task.Context.Terminals.TryGetValue(entry.TtyInfoId, out var info) && info.Termios is { } settings)
            batch.Call(Nr.ioctl, fd, TCSETS, batch.Bytes(ToBytes(settings)));
        making.Place(batch, entry.Id, fd, entry.Fown);
    }

    private static byte[] ToBytes(TermiosEntry e)
    {
        byte[] bytes = new byte[sizeof(TermiosData)];
        var settings = new TermiosData { Input = e.CIflag, Output = e.COflag, Control = e.CCflag, Local = e.CLflag, Line = (byte)e.CLine };
        var words = MemoryMarshal.AsBytes<uint>(e.CCc.ToArray());
        words[..Math.Min(ControlCharacters, words.Length)].CopyTo(new Span<byte>(settings.Characters, ControlCharacters));
        MemoryMarshal.Write(bytes, settings);
        return bytes;
    }

    /// <summary>Whether one of the engine's own standard descriptors is a terminal; -1 where none is.</summary>
    public static int OwnTerminal()
    {
        TermiosData settings;
        for (int fd = 0; fd <= 2; fd++)
            if (!Kernel.Failed(Kernel.Call(Nr.ioctl, fd, TCGETS2, (long)(&settings))))
                return fd;
        return -1;
    }

    /// <summary>struct termios2, asm-generic/termbits.h; struct termios is its first 36 bytes.</summary>
    private struct TermiosData
    {
        public uint Input, Output, Control, Local;
        public byte Line;
        public fixed byte Characters[ControlCharacters];
        public uint InputSpeed, OutputSpeed;
    }
}
