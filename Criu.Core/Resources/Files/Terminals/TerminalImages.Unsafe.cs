using System.Runtime.InteropServices;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>Settings and window of a terminal as images have them.</summary>
internal static unsafe class TerminalImages
{
    public static TermiosEntry ToEntry(TerminalSettings settings)
    {
        var entry = new TermiosEntry
        {
            CIflag = settings.Input, COflag = settings.Output, CCflag = settings.Control, CLflag = settings.Local, CLine = settings.Line,
            CIspeed = settings.InputSpeed, COspeed = settings.OutputSpeed,
        };
        // The image has a word for each character, and the characters lie side by side in the first of them.
        Span<uint> words = stackalloc uint[TerminalBits.NCCS];
        words.Clear();
        new ReadOnlySpan<byte>(settings.Characters, TerminalBits.NCCS).CopyTo(MemoryMarshal.AsBytes(words));
        foreach (uint word in words)
            entry.CCc.Add(word);
        return entry;
    }

    public static TerminalSettings ToSettings(TermiosEntry entry)
    {
        var settings = new TerminalSettings
        {
            Input = entry.CIflag, Output = entry.COflag, Control = entry.CCflag, Local = entry.CLflag, Line = (byte)entry.CLine, InputSpeed = entry.CIspeed, OutputSpeed = entry.COspeed,
        };
        var bytes = MemoryMarshal.AsBytes<uint>(entry.CCc.ToArray());
        bytes[..Math.Min(TerminalBits.NCCS, bytes.Length)].CopyTo(new Span<byte>(settings.Characters, TerminalBits.NCCS));
        return settings;
    }

    public static WinsizeEntry ToEntry(WindowSize size) => new() { WsRow = size.Rows, WsCol = size.Columns, WsXpixel = size.Width, WsYpixel = size.Height };

    public static WindowSize ToSize(WinsizeEntry entry) => new()
    {
        Rows = (ushort)entry.WsRow, Columns = (ushort)entry.WsCol, Width = (ushort)entry.WsXpixel, Height = (ushort)entry.WsYpixel,
    };

    /// <summary>Nothing is locked unless somebody with CAP_SYS_ADMIN has done it (ioctl_tty(2), TIOCSLCKTRMIOS).</summary>
    public static bool IsNothing(TermiosEntry entry) => entry is { CIflag: 0, COflag: 0, CCflag: 0, CLflag: 0, CLine: 0 } && entry.CCc.All(word => word == 0);

    public static byte[] ToBytes<T>(T value) where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
