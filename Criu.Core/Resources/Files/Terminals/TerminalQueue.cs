using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// What waits in a pair of terminals. The kernel shows it only to who takes it out, so it is taken and put back.
///
///     master ── what was typed ──► line discipline, its lines ──► slave
///     master ◄── what was written, as its output settings made it ── slave
///
/// What was typed is kept as it would have to be typed again: a line that was ended by the end-of-file character has that character, and what would not be taken for
/// itself stands behind the literal-next character. So each line is a line again, whoever types it. For the time of typing the terminal does not echo, signal or edit.
/// </summary>
internal static unsafe class TerminalQueue
{
    private const int LineBytes = 8192;                 // more than the kernel keeps of one (N_TTY_BUF_SIZE)
    private const int LimitBytes = 64 << 10;            // more than both buffers of the kernel
    private const int KeptBytes = 4000;                 // what the line discipline surely takes at once
    private const int PatienceMs = 1000;

    /// <summary>Takes what was typed and not read. The settings of the slave change meanwhile, and have to be put back.</summary>
    public static byte[] TakeInput(SafeFileHandle slave, TerminalSettings settings)
    {
        var input = new List<byte>();
        if (IsCanonical(settings))
        {
            TakeLines(slave, settings, input);
            TerminalIo.SetSettings(slave, Bare(settings) with { Local = 0 });
        }
        // The line that has no end yet; it can be read where lines count for nothing.
        Span<byte> buffer = stackalloc byte[LineBytes];
        while (input.Count < LimitBytes && TerminalIo.Read(slave, buffer) is > 0 and var got)
            Quote(buffer[..(int)got], settings, input);
        return [.. input];
    }

    private static void TakeLines(SafeFileHandle slave, TerminalSettings settings, List<byte> input)
    {
        Span<byte> buffer = stackalloc byte[LineBytes];
        while (input.Count < LimitBytes && TerminalIo.Read(slave, buffer) is >= 0 and var got)
        {
            var line = buffer[..(int)got];
            bool hasEnd = got > 0 && IsLineEnd(line[^1], settings);
            Quote(hasEnd ? line[..^1] : line, settings, input);
            if (hasEnd)
                input.Add(line[^1]);
            else if (settings.Characters[TerminalBits.VEOF] != 0)
                input.Add(settings.Characters[TerminalBits.VEOF]);
            else
                return;                                 // hung up
        }
    }

    /// <summary>Takes what was written and not read by the master, which must not be in packet mode.</summary>
    public static byte[] TakeOutput(SafeFileHandle master)
    {
        var output = new List<byte>();
        Span<byte> buffer = stackalloc byte[LineBytes];
        // It may be a description that waits: only what is there is asked for.
        while (output.Count < LimitBytes && (TerminalIo.Look(master, Poll.POLLIN) & Poll.POLLIN) != 0 && TerminalIo.Read(master, buffer) is > 0 and var got)
            output.AddRange(buffer[..(int)got]);
        return [.. output];
    }

    /// <summary>Writes both again. The settings of the slave change meanwhile, and have to be put back; the master leaves packet mode.</summary>
    /// <returns>Bytes that had no room.</returns>
    public static int Fill(SafeFileHandle master, SafeFileHandle slave, TerminalSettings settings, ReadOnlySpan<byte> input, ReadOnlySpan<byte> output)
    {
        int lost = 0;
        if (!output.IsEmpty)
        {
            TerminalIo.SetSettings(slave, Bare(settings));
            lost += WriteAll(slave, slave, output);
        }
        if (!input.IsEmpty)
            lost += Type(master, slave, settings, input);
        return lost;
    }

    /// <summary>
    /// The kernel hands over what is written some time later, and must have done so before the settings are others. Where a stop character follows, its coming is seen
    /// by a master in packet mode; the terminal is started again then.
    /// </summary>
    private static int Type(SafeFileHandle master, SafeFileHandle slave, TerminalSettings settings, ReadOnlySpan<byte> input)
    {
        var bare = Bare(settings);
        int stop = input.Length < KeptBytes ? FreeByte(input, bare) : 0;
        if (stop != 0)
        {
            bare.Input |= TerminalBits.IXON;
            bare.Characters[TerminalBits.VSTOP] = (byte)stop;
        }
        TerminalIo.SetSettings(slave, bare);
        if (stop != 0)
            TerminalIo.Set(master, TerminalCall.TIOCPKT, 1);            // from here on: other settings are news for the master, too
        int lost = WriteAll(master, slave, stop != 0 ? [.. input, (byte)stop] : input);
        if (stop != 0)
        {
            TerminalIo.Await(master, Poll.POLLPRI, PatienceMs);
            TerminalIo.Tell(slave, TerminalCall.TCXONC, TerminalBits.TCOOFF);
            TerminalIo.Tell(slave, TerminalCall.TCXONC, TerminalBits.TCOON);
            TerminalIo.Set(master, TerminalCall.TIOCPKT, 0);
        }
        else
            AwaitInput(slave, settings, input.Length);
        return lost;
    }

    private static void AwaitInput(SafeFileHandle slave, TerminalSettings settings, int bytes)
    {
        int wanted = Math.Min(bytes, KeptBytes);
        for (int waited = 0; waited < PatienceMs && TerminalIo.Read(slave, TerminalCall.FIONREAD) < wanted && !IsCanonical(settings); waited++)
            TerminalIo.Await(slave, Poll.POLLPRI, 1);
    }

    private static int WriteAll(SafeFileHandle to, SafeFileHandle slave, ReadOnlySpan<byte> bytes)
    {
        bool wasStarted = false;
        while (!bytes.IsEmpty)
        {
            const int PieceBytes = 1024;
            bool hasRoom = (TerminalIo.Await(to, Poll.POLLOUT, PatienceMs / 10) & Poll.POLLOUT) != 0;
            long written = hasRoom ? TerminalIo.Write(to, bytes[..Math.Min(PieceBytes, bytes.Length)]) : 0;
            if (written > 0)
                bytes = bytes[(int)written..];
            else if (wasStarted)
                return bytes.Length;
            else
            {
                // Its output was stopped, by ^S.
                TerminalIo.Tell(slave, TerminalCall.TCXONC, TerminalBits.TCOOFF);
                TerminalIo.Tell(slave, TerminalCall.TCXONC, TerminalBits.TCOON);
                wasStarted = true;
            }
        }
        return 0;
    }

    private static bool IsCanonical(TerminalSettings settings) => (settings.Local & TerminalBits.ICANON) != 0;

    private static bool HasLiteralNext(TerminalSettings settings) => (settings.Local & TerminalBits.IEXTEN) != 0 && settings.Characters[TerminalBits.VLNEXT] != 0;

    private static bool IsLineEnd(byte character, TerminalSettings settings) =>
        character == '\n' || character != 0 && (character == settings.Characters[TerminalBits.VEOL] || HasLiteralNext(settings) && character == settings.Characters[TerminalBits.VEOL2]);

    private static void Quote(ReadOnlySpan<byte> text, TerminalSettings settings, List<byte> typed)
    {
        bool quotes = IsCanonical(settings) && HasLiteralNext(settings);
        foreach (byte character in text)
        {
            if (quotes && IsSpecial(character, settings))
                typed.Add(settings.Characters[TerminalBits.VLNEXT]);
            typed.Add(character);
        }
    }

    private static bool IsSpecial(byte character, TerminalSettings settings) =>
        character is (byte)'\n' or (byte)'\r' || character != 0 && new ReadOnlySpan<byte>(settings.Characters, TerminalBits.NCCS) is var all
            && (all[..TerminalBits.VTIME].Contains(character) || all[(TerminalBits.VMIN + 1)..].Contains(character));

    /// <summary>What a terminal is while it is written to: it makes lines as before, and does nothing else.</summary>
    private static TerminalSettings Bare(TerminalSettings settings)
    {
        var bare = new TerminalSettings
        {
            Input = settings.Input & TerminalBits.IUTF8, Control = settings.Control, Local = settings.Local & (TerminalBits.ICANON | TerminalBits.IEXTEN),
            Line = settings.Line, InputSpeed = settings.InputSpeed, OutputSpeed = settings.OutputSpeed,
        };
        bare.Characters[TerminalBits.VMIN] = 1;
        if (IsCanonical(settings))
            foreach (int index in (ReadOnlySpan<int>)[TerminalBits.VEOF, TerminalBits.VEOL, TerminalBits.VEOL2, TerminalBits.VLNEXT])
                bare.Characters[index] = settings.Characters[index];
        return bare;
    }

    /// <summary>One that is not among these; 0 where there is none.</summary>
    private static int FreeByte(ReadOnlySpan<byte> input, TerminalSettings settings)
    {
        for (int character = byte.MaxValue; character > 0; character--)
            if (!input.Contains((byte)character) && character != '\n' && !new ReadOnlySpan<byte>(settings.Characters, TerminalBits.NCCS).Contains((byte)character))
                return character;
        return 0;
    }
}
