using System.Buffers.Binary;

namespace Criu.Core.Proc;

/// <summary>The files of one value.</summary>
internal static class ProcValues
{
    /// <summary><c>personality</c>: personality(2), hexadecimal.</summary>
    public static uint ParsePersonality(ProcText text)
    {
        var cursor = text.Whole();
        return Ended(cursor.TakeHex32(), cursor);
    }

    /// <summary><c>oom_score_adj</c>: -1000 to 1000.</summary>
    public static int ParseOomScoreAdjustment(ProcText text)
    {
        var cursor = text.Whole();
        return Ended(cursor.TakeInt32(), cursor);
    }

    /// <summary><c>loginuid</c> and <c>sessionid</c>: 4294967295 for unset. They have no newline.</summary>
    public static uint ParseLoginUid(ProcText text)
    {
        var cursor = text.Whole();
        return Ended(cursor.TakeUInt32(), cursor);
    }

    /// <summary><c>comm</c>: raw, up to 15 bytes, and a newline that is not part of it.</summary>
    public static KernelPath ParseComm(ProcText text) => new(text.Whole().Rest);

    /// <summary><c>coredump_filter</c>: a mask, core(5); empty for kernel threads.</summary>
    public static uint ParseCoredumpFilter(ProcText text)
    {
        var cursor = text.Whole();
        return Ended(cursor.TakeHex32(), cursor);
    }

    /// <summary><c>timerslack_ns</c>.</summary>
    public static ulong ParseTimerSlack(ProcText text)
    {
        var cursor = text.Whole();
        return Ended(cursor.TakeDecimal(), cursor);
    }

    /// <summary><c>task/TID/children</c>: pids of the children of that thread, added to the list. True while all are stopped only.</summary>
    public static void ParseChildren(ProcText text, List<int> children)
    {
        var cursor = text.Whole();
        for (; !cursor.AtEnd; cursor.SkipSpaces())
            children.Add(cursor.TakeInt32());
    }

    /// <summary>
    /// <c>auxv</c>: type, value, type, value ... of a 64-bit process, getauxval(3), up to and with AT_NULL. Empty for kernel threads and
    /// zombies.
    /// </summary>
    public static ulong[] ParseAuxv(ProcText text)
    {
        var bytes = text.Bytes;
        if (bytes.Length % (2 * sizeof(ulong)) != 0)
            throw new ProcFormatException(text.File, 1, $"{bytes.Length} bytes are no pairs of 64-bit words");
        ulong[] words = new ulong[bytes.Length / sizeof(ulong)];
        for (int i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * sizeof(ulong))..]);
        return words;
    }

    private static T Ended<T>(T value, ProcCursor cursor)
    {
        cursor.ExpectEnd();
        return value;
    }
}
