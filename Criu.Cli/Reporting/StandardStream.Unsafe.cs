using System.Text;
using Linux.Abi;

namespace Criu.Cli.Reporting;

/// <summary>Writes text to a descriptor. <see cref="Console"/> would set up encodings and a terminal first, which costs as much as a small dump.</summary>
internal static class StandardStream
{
    public const int In = 0, Out = 1, Error = 2;

    public static void WriteOut(string text) => Write(Out, Encoding.UTF8.GetBytes(text));

    public static void WriteError(string text) => Write(Error, Encoding.UTF8.GetBytes(text));

    /// <summary>Answers false where the descriptor takes no more; a closed pipe is no reason to fail.</summary>
    public static unsafe bool Write(int fd, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            long written;
            fixed (byte* start = bytes)
                written = Kernel.Call(Nr.write, fd, (long)start, bytes.Length);
            if (Kernel.Failed(written))
                return false;
            bytes = bytes[(int)written..];
        }
        return true;
    }
}
