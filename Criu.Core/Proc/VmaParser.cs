using System.Text;
using Linux.Abi;

namespace Criu.Core.Proc;

/// <summary>
/// Reads maps or smaps, line by line and in as many pieces as they come: a process may have 65,530 mappings, whose smaps are 50 MB.
/// Of smaps only the header, ProtectionKey and VmFlags are looked at; VmFlags is the last line of each mapping, so it completes the record.
/// </summary>
/// <param name="vmas">Takes the records.</param>
/// <param name="isSmaps">Whether each header is followed by its fields.</param>
internal sealed class VmaParser(List<Vma> vmas, bool isSmaps) : IProcLineSink
{
    private int line = 1;
    private Vma? pending;                           // its VmFlags are still to come
    private KernelPath lastName;

    public void Take(ProcText source, ReadOnlySpan<byte> lines)
    {
        var each = new ProcLines(source, lines, line);
        while (each.TryNext(out var cursor))
            TakeLine(ref cursor);
        line = each.Number;
    }

    /// <summary>Call it after the last line: a mapping without flags is incomplete.</summary>
    public void End(ProcText source)
    {
        if (pending != null)
            throw new ProcFormatException(source.File, line, $"no VmFlags for {pending}");
    }

    private void TakeLine(ref ProcCursor cursor)
    {
        // A header starts with a digit of lower-case hexadecimal, each field with a capital letter.
        if (cursor.Peek is not (>= (byte)'A' and <= (byte)'Z'))
            TakeHeader(ref cursor);
        else if (pending == null)
            throw cursor.Bad("a mapping");
        else if (cursor.TryTake("VmFlags:"u8))
            TakeFlags(ref cursor, pending);
        else if (cursor.TryTake("ProtectionKey:"u8))
        {
            cursor.SkipSpaces();
            pending = pending with { ProtectionKey = cursor.TakeInt32() };
        }
    }

    private void TakeHeader(ref ProcCursor cursor)
    {
        if (pending != null)
            throw cursor.Bad($"VmFlags of {pending}");
        var vma = ParseHeader(ref cursor);
        if (isSmaps)
            pending = vma;
        else
            vmas.Add(vma);
    }

    // 7f1785833000-7f1785834000 rw-p 00001000 fe:00 5324807                    /tmp/gone\012 (deleted)
    private Vma ParseHeader(ref ProcCursor cursor)
    {
        ulong start = cursor.TakeHex();
        cursor.Take('-');
        ulong end = cursor.TakeHex();
        cursor.Take(' ');
        if (start >= end)
            throw cursor.Bad("an end above the start, before this");
        int protection = Flag(ref cursor, 'r', Mman.PROT_READ) | Flag(ref cursor, 'w', Mman.PROT_WRITE) | Flag(ref cursor, 'x', Mman.PROT_EXEC);
        bool isShared = cursor.TryTake((byte)'s');
        if (!isShared)
            cursor.Take('p');
        cursor.Take(' ');
        ulong offset = cursor.TakeHex();
        cursor.Take(' ');
        ulong device = TakeDevice(ref cursor);
        cursor.Take(' ');
        ulong inode = cursor.TakeDecimal();
        cursor.SkipSpaces();
        return new Vma
        {
            Start = start,
            End = end,
            Offset = offset,
            Protection = protection,
            IsShared = isShared,
            Device = device,
            Inode = inode,
            Name = NameOf(cursor.Rest, out bool uncertain),
            IsNameUncertain = uncertain,
        };
    }

    private static int Flag(ref ProcCursor cursor, char letter, int value)
    {
        if (cursor.TryTake((byte)letter))
            return value;
        cursor.Take('-');
        return 0;
    }

    private static ulong TakeDevice(ref ProcCursor cursor)
    {
        ulong major = cursor.TakeHex();
        cursor.Take(':');
        return KernelDevice.Make(major, cursor.TakeHex());
    }

    // A library has four mappings side by side: they share one name.
    private KernelPath NameOf(ReadOnlySpan<byte> text, out bool uncertain)
    {
        uncertain = text.IndexOf("\\012"u8) >= 0;
        if (uncertain)
            return new(OctalEscape.DecodeNewlines(text));
        if (!lastName.Is(text))
            lastName = new(text);
        return lastName;
    }

    private void TakeFlags(ref ProcCursor cursor, Vma vma)
    {
        var flags = VmaFlags.None;
        string unknown = "";
        for (cursor.SkipSpaces(); !cursor.AtEnd; cursor.SkipSpaces())
        {
            var code = cursor.TakeWord();
            var flag = code.Length == 2 ? VmaFlagCodes.Parse(code[0], code[1]) : VmaFlags.None;
            flags |= flag;
            if (flag == VmaFlags.None)
                unknown += (unknown.Length > 0 ? " " : "") + Encoding.ASCII.GetString(code);
        }
        vmas.Add(vma with { Flags = flags, UnknownFlags = unknown });
        pending = null;
    }
}
