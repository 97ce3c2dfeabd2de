using System.Text;

namespace Criu.Native;

/// <summary>Tells the program what went wrong, as it has asked for (libsoccr_set_log).</summary>
internal static unsafe class Messages
{
    private const uint Errors = 1;                   // SOCCR_LOG_ERR

    private static uint level;

    // Takes any number of arguments in C. A format and one pointer are passed alike whether it does or not.
    private static delegate* unmanaged<uint, byte*, byte*, void> sink;

    public static void SendTo(uint upTo, delegate* unmanaged<uint, byte*, byte*, void> function)
    {
        level = upTo;
        sink = function;
    }

    public static void Complain(string what, Exception exception)
    {
        if (sink == null || level < Errors)
            return;
        byte[] text = Encoding.UTF8.GetBytes($"{what}: {exception.Message}\0");
        fixed (byte* format = "%s\n"u8, start = text)
            sink(Errors, format, start);
    }
}
