using Linux.Abi;

namespace Criu.Native;

/// <summary>How options become fields. Each answers 0, or a negative error: EINVAL where there are no options or no text, ENOMEM where there is no memory.</summary>
internal static unsafe class OptionSetting
{
    // What libcriu answers to a value that it does not know, and to a namespace without its name.
    private const int NoSuchValue = -1;

    public static void Set(CriuOptions* options, int field, long value)
    {
        if (options != null)
            options->Fields.TrySet(field, value);
    }

    /// <summary>A bool of C has one byte, and its caller need not clear the rest of the register.</summary>
    public static void Switch(CriuOptions* options, int field, byte value) => Set(options, field, value != 0 ? 1 : 0);

    public static int Set(CriuOptions* options, int field, byte* text) =>
        options == null || text == null ? -Errno.EINVAL : Result(options->Fields.TrySet(field, Libc.Text(text)));

    public static int SetOneOf(CriuOptions* options, int field, int value, int most)
    {
        if (value < 1 || value > most)
            return NoSuchValue;
        Set(options, field, value);
        return 0;
    }

    public static int SetList(CriuOptions* options, int field, int count, byte** texts)
    {
        if (options == null || texts == null && count > 0)
            return -Errno.EINVAL;
        options->Fields.Remove(field);
        for (int i = 0; i < count; i++)
            if (Add(options, field, texts[i]) is < 0 and int failure)
                return failure;
        return 0;
    }

    public static int SetPair(CriuOptions* options, int field, byte* first, int second)
    {
        if (options == null || first == null)
            return -Errno.EINVAL;
        options->Fields.Remove(field);
        return AddPair(options, field, first, second);
    }

    public static int Add(CriuOptions* options, int field, byte* text) =>
        options == null || text == null ? -Errno.EINVAL : Result(options->Fields.TryAdd(field, Libc.Text(text)));

    public static int AddNumber(CriuOptions* options, int field, uint value)
    {
        WireBuffer message = default;
        return AddMessage(options, field, ref message, message.TryAdd(OptionField.First, value));
    }

    public static int AddPair(CriuOptions* options, int field, byte* first, int second)
    {
        if (first == null)
            return -Errno.EINVAL;
        WireBuffer message = default;
        return AddMessage(options, field, ref message, message.TryAdd(OptionField.First, Libc.Text(first)) && message.TryAdd(OptionField.Second, second));
    }

    public static int AddPair(CriuOptions* options, int field, byte* first, byte* second, bool mayLackFirst = false)
    {
        if (second == null || first == null && !mayLackFirst)
            return -Errno.EINVAL;
        WireBuffer message = default;
        bool hasFirst = first == null || message.TryAdd(OptionField.First, Libc.Text(first));
        return AddMessage(options, field, ref message, hasFirst && message.TryAdd(OptionField.Second, Libc.Text(second)));
    }

    public static int AddNamespace(CriuOptions* options, byte* kind, byte* file, byte* extra)
    {
        if (kind == null || file == null)
            return NoSuchValue;
        WireBuffer message = default;
        bool isMade = message.TryAdd(OptionField.First, Libc.Text(kind)) && message.TryAdd(OptionField.Second, Libc.Text(file))
            && (extra == null || message.TryAdd(OptionField.Third, Libc.Text(extra)));
        return AddMessage(options, OptionField.JoinNs, ref message, isMade);
    }

    private static int AddMessage(CriuOptions* options, int field, ref WireBuffer message, bool isMade)
    {
        int result = options == null ? -Errno.EINVAL : Result(isMade && options->Fields.TryAdd(field, message.Bytes));
        message.Free();
        return result;
    }

    private static int Result(bool succeeded) => succeeded ? 0 : -Errno.ENOMEM;
}
