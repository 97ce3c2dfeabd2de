using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>What waits to be read in a file that answers FIONREAD (asm-generic/ioctls.h). Nothing is taken.</summary>
internal static unsafe class PendingBytes
{
    private const int FIONREAD = 0x541b;

    public static int Of(OpenFile file)
    {
        using var copy = file.Fetch();
        int bytes = 0;
        Kernel.Call(Nr.ioctl, copy.Fd(), FIONREAD, (long)(&bytes));
        return bytes;
    }
}
