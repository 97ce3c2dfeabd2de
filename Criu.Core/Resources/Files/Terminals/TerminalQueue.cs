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
    public const int KeptBytes = 4000;                  // what the line discipline surely takes at once
    private const int PatienceMs = 1000;

    /// <summary>
    /// What would have to be typed again, of what a slave gives that has no lines any more (~ICANON): there the end-of-file character of a line is a NUL.
    /// </summary>
    /// <param name="raw">All that waits.</param>
    /// <param name="settings">What the slave had before.</param>
    /// <param name="inLines">How many bytes it gave in whole lines, without marks of an end of file: FIONREAD.</param>
    public static byte[] ToTyped(ReadOnlySpan<byte> raw, TerminalSettings settings, int inLines)
    {
        if (!IsCanonical(settings))
            return raw.ToArray();
        var typed = new List<byte>(raw.Length);
        bool hasMarks = raw.Contains((byte)0) && LastEnd(raw, settings) + 1 != inLines;
        int start = 0;
        for (int i = 0; i < raw.Length; i++)
            if (IsLineEnd(raw[i], settings) || hasMarks && raw[i] == 0)
            {
                Quote(raw[start..i], settings, typed);
                typed.Add(raw[i] == 0 ? settings.Characters[TerminalBits.VEOF] : raw[i]);
                start = i + 1;
            }
        Quote(raw[start..], settings, typed);
        return [.. typed];
    }

    private static int LastEnd(ReadOnlySpan<byte> raw, TerminalSettings settings)
    {
        for (int i = raw.Length - 1; i >= 0; i--)
            if (IsLineEnd(raw[i], settings))
                return i;
        return -1;
    }

    /// <summary>Where lines count for nothing: all that waits can be read.</summary>
    public static TerminalSettings Raw(TerminalSettings settings) => Bare(settings) with { Local = 0 };

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

    private static int Type(SafeFileHandle master, SafeFileHandle slave, TerminalSettings settings, ReadOnlySpan<byte> input)
    {
        byte[] typed = WithStop(input, settings, out var bare);
        TerminalIo.SetSettings(slave, bare);
        // From here on: other settings are news for the master, too.
        TerminalIo.Set(master, TerminalCall.TIOCPKT, 1);
        int lost = WriteAll(master, slave, typed);
        AwaitTyped(master, slave, settings, bare, input.Length);
        return lost;
    }

    /// <summary>
    /// The kernel hands over what is written some time later, and must have done so before the settings are others. Where a stop character follows, its coming is seen
    /// by a master in packet mode (<see cref="AwaitTyped"/>).
    /// </summary>
    /// <param name="input">What is typed.</param>
    /// <param name="settings">What the slave shall have afterwards.</param>
    /// <param name="bare">What it needs while it is typed to.</param>
    public static byte[] WithStop(ReadOnlySpan<byte> input, TerminalSettings settings, out TerminalSettings bare)
    {
        bare = Bare(settings);
        int stop = input.Length < KeptBytes ? FreeByte(input, bare) : 0;
        if (stop == 0)
            return input.ToArray();
        bare.Input |= TerminalBits.IXON;
        bare.Characters[TerminalBits.VSTOP] = (byte)stop;
        return [.. input, (byte)stop];
    }

    /// <summary>Until all that was typed is in the line discipline; the terminal is started again then, and leaves packet mode.</summary>
    public static void AwaitTyped(SafeFileHandle master, SafeFileHandle slave, TerminalSettings settings, TerminalSettings bare, int bytes)
    {
        if ((bare.Input & TerminalBits.IXON) != 0)
        {
            // Who waits for such news alone is not woken by it (pty_stop wakes readers): so it is looked for.
            for (int waited = 0; waited < PatienceMs && (TerminalIo.Await(master, Poll.POLLPRI, 1) & Poll.POLLPRI) == 0; waited++)
            {
            }
            Start(slave);
        }
        else
            AwaitInput(slave, settings, bytes);
        TerminalIo.Set(master, TerminalCall.TIOCPKT, 0);
    }

    /// <summary>Whatever stopped its output.</summary>
    private static void Start(SafeFileHandle slave)
    {
        TerminalIo.Tell(slave, TerminalCall.TCXONC, TerminalBits.TCOOFF);
        TerminalIo.Tell(slave, TerminalCall.TCXONC, TerminalBits.TCOON);
    }

    private static void AwaitInput(SafeFileHandle slave, TerminalSettings settings, int bytes)
    {
        int wanted = Math.Min(bytes, KeptBytes);
        for (int waited = 0; waited < PatienceMs && TerminalIo.Read(slave, TerminalCall.FIONREAD) < wanted && !IsCanonical(settings); waited++)
            TerminalIo.Await(slave, Poll.POLLPRI, 1);
    }

    /// <returns>Bytes that had no room.</returns>
    public static int WriteAll(SafeFileHandle to, SafeFileHandle slave, ReadOnlySpan<byte> bytes)
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
                Start(slave);                           // it was stopped, by ^S
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
    public static TerminalSettings Bare(TerminalSettings settings)
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
